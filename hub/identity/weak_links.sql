-- Customers that a weak link may hold together, and all compared pairs inside them. Of each customer this much is known without a look
-- at its shape: no link of its spanning tree is weaker than the weakest there is, no average lower than its lowest weight, and no two
-- parts hold more pairs across than two halves. Those that are worth most by that are looked at.
CREATE OR REPLACE TEMP TABLE id_inside AS
WITH size AS (
  SELECT cluster, count(DISTINCT node_id) AS nodes, count(*) AS records FROM id_cluster JOIN id_node_record USING (node_id)
  GROUP BY cluster HAVING count(*) > 2
)
SELECT size.*, l, r, greatest(least(weight, $weight_cap), -$weight_cap) AS weight
FROM id_compared JOIN id_weight USING (vector) JOIN id_cluster AS a ON a.node_id = l JOIN id_cluster AS b ON b.node_id = r
JOIN size ON size.cluster = a.cluster
WHERE a.cluster = b.cluster;

CREATE OR REPLACE TEMP TABLE id_hopeful AS
WITH known AS (
  SELECT cluster, any_value(records // 2) * any_value(records - records // 2) AS across, min(weight) FILTER (weight > 0) AS weakest,
    CASE WHEN 2 * count(*) < any_value(nodes * (nodes - 1)) THEN least(min(weight), -$uncompared) ELSE min(weight) END AS lowest
  FROM id_inside GROUP BY cluster
)
SELECT cluster, across / (1 + exp(-($bias + $link * weakest + $average * lowest + $size * log2(across)))) AS hope
FROM known WHERE weakest IS NOT NULL
ORDER BY hope DESC, cluster LIMIT $looked_at;
