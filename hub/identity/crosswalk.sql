-- The crosswalk: each live record once among the current rows, and all that was so before.
CREATE OR REPLACE TEMP TABLE id_linked AS
SELECT l, r, vector, odds, probability
FROM id_compared JOIN id_weight USING (vector)
JOIN id_cluster AS a ON a.node_id = l JOIN id_cluster AS b ON b.node_id = r
WHERE weight > 0 AND a.cluster = b.cluster;

CREATE OR REPLACE TEMP TABLE id_now AS
WITH best AS (
  SELECT node_id, max(probability) AS probability
  FROM (SELECT l AS node_id, probability FROM id_linked UNION ALL SELECT r, probability FROM id_linked) GROUP BY node_id
), node AS (
  SELECT node_id, count(*) AS records FROM id_node_record GROUP BY node_id
), customer AS (
  SELECT cluster, count(*) AS records FROM id_member GROUP BY cluster
)
SELECT
  record_key, source_system, stream, source_record_id, a.customer_id,
  CASE
    WHEN customer.records = 1 THEN 'singleton'
    WHEN record_key IN (SELECT record_key FROM id_together) THEN 'steward'
    WHEN record_key IN (SELECT record_key FROM id_taught) THEN 'learnt'
    WHEN record_key IN (SELECT record_key FROM id_absorbed) THEN 'source_merge'
    WHEN node.records > 1 THEN 'deterministic'
    WHEN best.probability IS NOT NULL THEN 'probabilistic'
    WHEN record_key IN (SELECT record_key FROM id_source_merged) THEN 'source_merge'
    ELSE 'steward' END AS link_reason,
  CASE WHEN customer.records = 1 THEN NULL WHEN node.records > 1 THEN 1.0 ELSE best.probability END AS match_probability
FROM id_member AS m JOIN id_record USING (rid, record_key) JOIN id_node_record AS n USING (rid)
JOIN node ON node.node_id = n.node_id JOIN customer USING (cluster) JOIN id_assigned AS a USING (cluster)
LEFT JOIN best ON best.node_id = n.node_id;

CREATE OR REPLACE TEMP TABLE id_xref AS
SELECT * FROM id_live_xref WHERE NOT is_current
UNION ALL BY NAME
SELECT x.* REPLACE (n.link_reason AS link_reason, n.match_probability AS match_probability)
FROM id_live_xref AS x JOIN id_now AS n USING (record_key, customer_id) WHERE x.is_current
UNION ALL BY NAME
SELECT x.* REPLACE ($now AS valid_to, false AS is_current)
FROM id_live_xref AS x ANTI JOIN id_now AS n USING (record_key, customer_id) WHERE x.is_current
UNION ALL BY NAME
SELECT n.*, $now AS valid_from, NULL AS valid_to, true AS is_current, $run_id AS run_id
FROM id_now AS n ANTI JOIN (FROM id_live_xref WHERE is_current) AS x USING (record_key, customer_id);
