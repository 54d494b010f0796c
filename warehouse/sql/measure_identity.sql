-- Records and customers next to those of the published load.
WITH met AS (SELECT record_key, n.customer_id <> b.customer_id AS other
             FROM identity.customer_xref n JOIN {live}.identity.customer_xref b USING (record_key)
             WHERE n.is_current AND b.is_current),
     compared AS (SELECT count(*) AS records_compared, count(*) FILTER (other) AS records_changed,
                         min(record_key, 20) FILTER (other) AS id_churn_examples FROM met),
     merged AS (SELECT count(*) AS merged_ids, min(customer_id, 20) AS merged_share_examples
                FROM {live}.identity.customer_registry b JOIN identity.customer_registry n USING (customer_id)
                WHERE b.status = 'active' AND n.status = 'merged')
SELECT *, (SELECT count(*) FROM {live}.identity.customer_registry WHERE status = 'active') AS customers_before
FROM compared CROSS JOIN merged
