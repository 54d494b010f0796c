-- Whose records they are, and what else of theirs the sources have. {live} is the published load's catalog. `erasing` (record_key,
-- customer_id) is made.
CREATE OR REPLACE TEMP TABLE erasing_owner AS
WITH last_owner AS (
  SELECT x.record_key, arg_max(r.current_customer_id, (x.is_current, x.valid_from)) AS customer_id
  FROM {live}.identity.customer_xref x JOIN {live}.identity.customer_registry r USING (customer_id) GROUP BY x.record_key
)
SELECT l.customer_id FROM last_owner l LEFT JOIN erasing e USING (record_key)
GROUP BY l.customer_id HAVING bool_and(e.record_key IS NOT NULL);

CREATE OR REPLACE TEMP TABLE erasing_fact AS
WITH owned AS (
  {owned}
)
SELECT source_system, stream, source_record_id FROM owned
UNION
SELECT source_system, stream, source_record_id FROM {live}.identity.customer_xref SEMI JOIN erasing USING (record_key)
UNION
SELECT source_system, stream, source_record_id FROM staging.party_record SEMI JOIN erasing USING (record_key);
