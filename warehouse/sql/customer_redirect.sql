CREATE OR REPLACE VIEW identity.customer_redirect AS
SELECT customer_id AS old_customer_id, current_customer_id AS customer_id
FROM identity.customer_registry
WHERE customer_id <> current_customer_id
