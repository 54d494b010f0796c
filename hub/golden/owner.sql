-- Whose each source record is: its current customer, or, once it is gone at the source, the one it had last.
CREATE OR REPLACE TEMP TABLE owner AS
WITH resolved AS (
  SELECT x.record_key, r.current_customer_id AS customer_id, x.is_current, x.match_probability, x.valid_from
  FROM identity.customer_xref x JOIN identity.customer_registry r USING (customer_id)
), gone AS (
  -- few, so that only they need be put in order: a record has one current row
  FROM (FROM resolved WHERE NOT is_current) ANTI JOIN (FROM resolved WHERE is_current) USING (record_key)
  QUALIFY row_number() OVER (PARTITION BY record_key ORDER BY valid_from DESC) = 1
)
SELECT * EXCLUDE (valid_from) FROM resolved WHERE is_current UNION ALL SELECT * EXCLUDE (valid_from) FROM gone;

CREATE OR REPLACE TEMP TABLE owner_current AS
SELECT record_key, customer_id FROM owner WHERE is_current;
