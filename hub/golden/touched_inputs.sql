-- What differs in whose records are and what currencies are worth.

-- records that are another customer's than they were, or are there again, or no more
CREATE OR REPLACE TEMP TABLE moved AS SELECT key AS record_key FROM came_owner UNION SELECT key FROM went_owner;

-- days on which a currency is worth something else; facts of a day that is new are new themselves
CREATE OR REPLACE TEMP TABLE repriced AS
WITH differs AS (
  SELECT DISTINCT about AS currency, split_part(key, ':', 2)::DATE AS day FROM (FROM came_fx UNION ALL FROM went_fx)
)
FROM differs SEMI JOIN (SELECT DISTINCT split_part(key, ':', 2)::DATE AS day FROM basis.fx) USING (day);

-- facts that are worth something else
CREATE OR REPLACE TEMP TABLE repriced_fact (fact VARCHAR, key VARCHAR);
