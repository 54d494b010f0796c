-- Everything one customer did, oldest first. The parameter is the customer_id.
SELECT occurred_at, interaction_type AS kind, ref_key AS fact_key, source_system, status, amount, currency
FROM golden.interaction
WHERE customer_id = ?
ORDER BY occurred_at, kind, fact_key
