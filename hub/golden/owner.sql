-- Whose each source record is: its current customer, or, once it is gone at the source, the one it had last.
CREATE OR REPLACE TEMP TABLE owner AS
SELECT x.record_key, r.current_customer_id AS customer_id, x.is_current
FROM identity.customer_xref x
JOIN identity.customer_registry r USING (customer_id)
QUALIFY row_number() OVER (PARTITION BY x.record_key ORDER BY x.is_current DESC, x.valid_from DESC) = 1;

CREATE OR REPLACE TEMP TABLE owner_current AS
SELECT record_key, customer_id FROM owner WHERE is_current;
