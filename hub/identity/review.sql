-- What a steward should look at: pairs just below the threshold, joins that were refused, clusters that grew too large.
CREATE OR REPLACE TEMP TABLE id_doubt AS
WITH pair AS (
  SELECT 'near_miss' AS kind, l, r, vector, probability FROM id_compared JOIN id_weight USING (vector)
  WHERE weight <= 0 AND probability >= $review_floor
  UNION ALL
  SELECT kind, l, r, vector, probability FROM id_refused JOIN id_compared USING (l, r) JOIN id_weight USING (vector)
), apart AS (
  SELECT least(a.cluster, b.cluster) AS low, greatest(a.cluster, b.cluster) AS high
  FROM id_apart_pair JOIN id_member AS a ON a.record_key = l JOIN id_member AS b ON b.record_key = r
), between AS (
  SELECT pair.*, least(a.cluster, b.cluster) AS low, greatest(a.cluster, b.cluster) AS high
  FROM pair JOIN id_cluster AS a ON a.node_id = l JOIN id_cluster AS b ON b.node_id = r
  WHERE a.cluster <> b.cluster
), best AS (
  -- two customers are one question, however many of their records look alike
  SELECT kind, l, r, vector, probability FROM between ANTI JOIN apart USING (low, high)
  QUALIFY row_number() OVER (PARTITION BY low, high ORDER BY kind = 'near_miss', probability DESC, l, r) = 1
)
SELECT best.kind, a.record_key AS record_key_l, b.record_key AS record_key_r, probability AS match_probability, vector
FROM best JOIN id_record AS a ON a.rid = l JOIN id_record AS b ON b.rid = r
QUALIFY row_number() OVER (PARTITION BY best.kind ORDER BY probability DESC, l, r) <= $most
ORDER BY ALL;

CREATE OR REPLACE TEMP TABLE id_huge AS
SELECT min(record_key) AS record_key, count(*) AS records FROM id_member GROUP BY cluster HAVING count(*) > $max_cluster_size
ORDER BY records DESC, record_key LIMIT $most;
