-- What a steward should look at: pairs of customers just below the threshold, joins that were refused, clusters that grew too large.
-- First which pair of records asks the question about two customers, then how much speaks for and against it over all their pairs.
CREATE OR REPLACE TEMP TABLE id_question AS
WITH pair AS (
  SELECT 'near_miss' AS kind, l, r, vector, weight, probability FROM id_compared JOIN id_weight USING (vector)
  WHERE weight <= 0 AND probability >= $review_floor
  UNION ALL
  SELECT kind, l, r, vector, weight, probability FROM id_refused JOIN id_compared USING (l, r) JOIN id_weight USING (vector)
), apart AS (
  SELECT least(a.cluster, b.cluster) AS low, greatest(a.cluster, b.cluster) AS high
  FROM id_apart_pair JOIN id_member AS a ON a.record_key = l JOIN id_member AS b ON b.record_key = r
), between AS (
  SELECT pair.*, least(a.cluster, b.cluster) AS low, greatest(a.cluster, b.cluster) AS high
  FROM pair JOIN id_cluster AS a ON a.node_id = l JOIN id_cluster AS b ON b.node_id = r
  WHERE a.cluster <> b.cluster
)
-- two customers are one question, however many of their records look alike
FROM between ANTI JOIN apart USING (low, high)
QUALIFY row_number() OVER (PARTITION BY low, high ORDER BY kind = 'near_miss', probability DESC, l, r) = 1;

CREATE OR REPLACE TEMP TABLE id_doubt AS
WITH asked AS (
  SELECT low AS cluster FROM id_question UNION SELECT high FROM id_question
), node AS (
  SELECT node_id, cluster FROM id_cluster SEMI JOIN asked USING (cluster)
), size AS (
  SELECT cluster, count(DISTINCT node_id) AS nodes, count(*) AS records FROM node JOIN id_node_record USING (node_id) GROUP BY cluster
), support AS (
  SELECT least(a.cluster, b.cluster) AS low, greatest(a.cluster, b.cluster) AS high, count(*) AS compared,
    sum(greatest(least(weight, $weight_cap), -$weight_cap)) AS total
  FROM id_compared JOIN node AS a ON a.node_id = l JOIN node AS b ON b.node_id = r JOIN id_weight USING (vector)
  WHERE a.cluster <> b.cluster GROUP BY ALL
), weighed AS (
  SELECT q.*, a.records AS records_low, b.records AS records_high, least(a.nodes, b.nodes) AS smaller,
    (total - (a.nodes * b.nodes - compared) * $uncompared) / (a.nodes * b.nodes) AS average
  FROM id_question AS q JOIN support USING (low, high) JOIN size AS a ON a.cluster = low JOIN size AS b ON b.cluster = high
), valued AS (
  SELECT *, records_low * records_high / (1 + exp(-($bias + $best * greatest(least(weight, 10), -20)
    + $average * average + $size * log2(records_low * records_high) + $smaller * smaller))) AS worth
  FROM weighed
)
SELECT v.kind, a.record_key AS record_key_l, b.record_key AS record_key_r, probability AS match_probability, vector, worth,
  CASE WHEN c.cluster = low THEN records_low ELSE records_high END AS records_l,
  CASE WHEN c.cluster = low THEN records_high ELSE records_low END AS records_r
FROM valued AS v JOIN id_record AS a ON a.rid = l JOIN id_record AS b ON b.rid = r JOIN id_cluster AS c ON c.node_id = l
QUALIFY row_number() OVER (PARTITION BY v.kind ORDER BY worth DESC, l, r) <= $most
ORDER BY ALL;

CREATE OR REPLACE TEMP TABLE id_huge AS
SELECT min(record_key) AS record_key, count(*) AS records FROM id_member GROUP BY cluster HAVING count(*) > $max_cluster_size
ORDER BY records DESC, record_key LIMIT $most;
