-- Whose each source record is: its current customer, or, once it is gone at the source, the one it had last.
CREATE OR REPLACE TEMP TABLE owner AS
WITH led AS (
  -- the registry has every ID there ever was; few lead to another one, or to none
  SELECT customer_id, current_customer_id FROM identity.customer_registry WHERE current_customer_id IS DISTINCT FROM customer_id
), resolved AS (
  SELECT x.record_key, CASE WHEN r.customer_id IS NULL THEN x.customer_id ELSE r.current_customer_id END AS customer_id, x.is_current,
         x.match_probability, x.valid_from
  FROM identity.customer_xref x LEFT JOIN led r USING (customer_id)
), gone AS (
  -- few, so that only they need be put in order: a record has one current row
  FROM (FROM resolved WHERE NOT is_current) ANTI JOIN (FROM identity.customer_xref WHERE is_current) USING (record_key)
  QUALIFY row_number() OVER (PARTITION BY record_key ORDER BY valid_from DESC) = 1
)
SELECT * EXCLUDE (valid_from) FROM resolved WHERE is_current UNION ALL SELECT * EXCLUDE (valid_from) FROM gone;

CREATE OR REPLACE TEMP TABLE owner_current AS
SELECT record_key, customer_id FROM owner WHERE is_current;
