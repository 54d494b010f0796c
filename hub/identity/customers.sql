-- How large each customer of id_cluster is, and what a weak link inside it may be worth. Of each customer this much is known without a
-- look at its shape: no link of its spanning tree is weaker than the weakest there is, no average lower than its lowest weight, and no
-- two parts hold more pairs across than two halves. hope is the worth that follows; NULL where nothing could be parted.
CREATE OR REPLACE TEMP TABLE id_customer AS
WITH node AS (
  SELECT node_id, count(*) AS records FROM id_node_record GROUP BY node_id
), size AS (
  SELECT cluster, count(*) AS nodes, sum(records)::BIGINT AS records FROM id_cluster JOIN node USING (node_id) GROUP BY cluster
), inside AS (
  SELECT size.*, greatest(least(weight, $weight_cap), -$weight_cap) AS weight
  FROM id_compared JOIN id_weight USING (vector) JOIN id_cluster AS a ON a.node_id = l JOIN id_cluster AS b ON b.node_id = r
  JOIN size ON size.cluster = a.cluster
  WHERE a.cluster = b.cluster AND size.records > 2
), known AS (
  SELECT cluster, any_value(records // 2) * any_value(records - records // 2) AS across, min(weight) FILTER (weight > 0) AS weakest,
    CASE WHEN 2 * count(*) < any_value(nodes * (nodes - 1)) THEN least(min(weight), -$uncompared) ELSE min(weight) END AS lowest
  FROM inside GROUP BY cluster
)
SELECT size.*, across / (1 + exp(-($bias + $link * weakest + $average * lowest + $size * log2(across)))) AS hope
FROM size LEFT JOIN known USING (cluster);
