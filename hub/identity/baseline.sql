-- Who belongs where now, and how that goes with the IDs of the live load.
CREATE OR REPLACE TEMP TABLE id_member AS
SELECT rid, record_key, cluster FROM id_cluster JOIN id_node_record USING (node_id) JOIN id_record USING (rid);

-- the records each ID had last: those of today, or those with which it ended
CREATE OR REPLACE TEMP TABLE id_last AS
SELECT customer_id, record_key FROM id_live_xref WHERE is_current
UNION ALL
SELECT customer_id, record_key
FROM id_live_xref JOIN id_live_registry USING (customer_id)
WHERE NOT is_current AND status IN ('merged', 'retired')
QUALIFY valid_to = max(valid_to) OVER (PARTITION BY customer_id);

CREATE OR REPLACE TEMP TABLE id_overlap AS
WITH shared AS (
  SELECT customer_id, cluster, count(*) AS records, any_value(minted_at) AS minted_at, any_value(seed_record_key) AS seed_record_key
  FROM id_last JOIN id_member USING (record_key) JOIN id_live_registry USING (customer_id)
  WHERE status = 'active'
  GROUP BY customer_id, cluster
)
SELECT customer_id, shared.cluster, records, seed.cluster IS NOT NULL AS has_seed, minted_at,
  count(*) OVER (PARTITION BY customer_id) AS clusters_of_id, count(*) OVER (PARTITION BY shared.cluster) AS ids_of_cluster
FROM shared LEFT JOIN id_member AS seed ON seed.record_key = seed_record_key AND seed.cluster = shared.cluster;
