-- Customers of more distinct records than there may be; only those of more records at all can be.
WITH current AS (SELECT customer_id, record_key FROM identity.customer_xref WHERE is_current),
     many AS (SELECT customer_id FROM current GROUP BY customer_id HAVING count(*) > $limit)
SELECT min(customer_id, 20) FROM (
  SELECT customer_id FROM current SEMI JOIN many USING (customer_id) JOIN identity.match_key USING (record_key)
  GROUP BY customer_id HAVING count(DISTINCT node_key) > $limit
)
