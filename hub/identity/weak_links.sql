-- Customers that a weak link may hold together: those that are worth most by their hope (customers.sql); and the compared pairs inside.
CREATE OR REPLACE TEMP TABLE id_hopeful AS
SELECT cluster, hope FROM id_customer WHERE hope IS NOT NULL ORDER BY hope DESC, cluster LIMIT $looked_at;

CREATE OR REPLACE TEMP TABLE id_hopeful_node AS
SELECT node_id, cluster, hope FROM id_cluster JOIN id_hopeful USING (cluster);

CREATE OR REPLACE TEMP TABLE id_inside AS
SELECT a.cluster, a.hope, l, r, vector, probability, greatest(least(weight, $weight_cap), -$weight_cap) AS weight
FROM id_compared JOIN id_hopeful_node AS a ON a.node_id = l JOIN id_hopeful_node AS b ON b.node_id = r JOIN id_weight USING (vector)
WHERE a.cluster = b.cluster;
