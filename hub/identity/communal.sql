-- Who holds a value says whose it is: a phone of four surnames is a switchboard, a mailbox of companies in three towns that of a group
-- or chain, and a tax ID of four company names nobody's. By the beginnings of the words, as slips of the keyboard are no other names.
-- By today's records, so that a line is a switchboard from the load on that brings its fourth surname.
CREATE OR REPLACE TEMP TABLE id_communal AS
WITH holder AS (
  SELECT kind, email, phone, tax, left(family, 3) AS family, left(city, 3) AS city, left(company, 3) AS company
  FROM {among} WHERE NOT is_test
)
SELECT 'phone' AS id_type, phone AS value
FROM holder WHERE kind <> 2 AND phone IS NOT NULL GROUP BY phone HAVING count(DISTINCT family) > 3
UNION ALL
SELECT 'email', email FROM holder WHERE kind = 2 AND email IS NOT NULL GROUP BY email HAVING count(DISTINCT city) > 2
UNION ALL
SELECT 'tax_id', tax FROM holder WHERE kind = 2 AND tax IS NOT NULL GROUP BY tax HAVING count(DISTINCT company) > 3;
