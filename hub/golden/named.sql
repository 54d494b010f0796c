-- What is named by `naming`, as it says.
CREATE OR REPLACE TEMP TABLE named AS
WITH known AS (
  SELECT 'order' AS kind, order_key AS key, source_system, stream, source_record_id FROM staging.customer_order
  UNION ALL
  SELECT 'invoice', invoice_key, source_system, stream, source_record_id FROM staging.invoice
  UNION ALL
  SELECT 'payment', payment_key, source_system, stream, source_record_id FROM staging.payment
), sole AS (
  SELECT kind, source_system, source_record_id, any_value(key) AS key FROM known
  GROUP BY kind, source_system, source_record_id HAVING count(*) = 1
)
SELECT n.fact, n.fact_key,
       max(coalesce(k.key, s.key)) FILTER (n.kind = 'order') AS order_key,
       max(coalesce(k.key, s.key)) FILTER (n.kind = 'invoice') AS invoice_key,
       max(coalesce(k.key, s.key)) FILTER (n.kind = 'payment') AS payment_key
FROM naming n
LEFT JOIN known k ON k.kind = n.kind AND k.source_system = n.source_system AND k.stream = n.stream AND k.source_record_id = n.id
LEFT JOIN sole s ON s.kind = n.kind AND s.source_system = n.source_system AND s.source_record_id = n.id
WHERE n.id IS NOT NULL
GROUP BY n.fact, n.fact_key;
