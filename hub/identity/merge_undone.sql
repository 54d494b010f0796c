-- The ID that was merged into a customer last and still is, or the one that is named, and when; several if they came at one time.
SELECT other_customer_id, max(occurred_at) AS merged_at
FROM {schema}.merge_log JOIN {schema}.customer_registry AS r ON r.customer_id = other_customer_id
WHERE event_type = 'merge' AND status = 'merged' AND current_customer_id = $customer
  AND coalesce(other_customer_id = $former, true)
GROUP BY other_customer_id
QUALIFY merged_at = max(merged_at) OVER ()
ORDER BY other_customer_id
