-- Of each record that a customer has now: was it among the last of the former ID, and was it there before the merge?
WITH history AS (
  SELECT * FROM {schema}.customer_xref
  WHERE record_key IN (SELECT record_key FROM {schema}.customer_xref WHERE is_current AND customer_id = $customer)
), last AS (
  SELECT max(valid_to) AS ended_at FROM {schema}.customer_xref WHERE customer_id = $former AND valid_to <= $merged_at
)
SELECT record_key, coalesce(bool_or(customer_id = $former AND valid_to = ended_at), false), min(valid_from) < $merged_at
FROM history CROSS JOIN last
GROUP BY record_key
