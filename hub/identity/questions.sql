-- Questions about two customers, of the compared pairs in {pairs}: customers just below the threshold, joins that were refused, by the
-- guard or because the two contradict each other in an identifier, and people unlike each other who hold one mailbox.
-- First which pair of records asks the question, then how much speaks for and against it over all pairs of the two.
CREATE OR REPLACE TEMP TABLE id_asking AS
WITH pair AS (
  SELECT l, r, vector, weight, probability, identifier,
    coalesce(f.kind, CASE WHEN probability >= $review_floor THEN 'near_miss' ELSE 'shared_mailbox' END) AS kind
  FROM {pairs} LEFT JOIN id_refused AS f USING (l, r) JOIN id_weight USING (vector)
  WHERE f.kind IS NOT NULL OR (weight <= 0 AND (probability >= $review_floor OR (vector >> $email_shift) & $email_mask = 1))
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
QUALIFY row_number() OVER (PARTITION BY low, high ORDER BY kind = 'shared_mailbox', kind = 'near_miss', probability DESC, l, r) = 1;

CREATE OR REPLACE TEMP TABLE id_asked AS
WITH asked AS (
  SELECT low AS cluster FROM id_asking UNION SELECT high FROM id_asking
), node AS (
  SELECT node_id, cluster FROM id_cluster SEMI JOIN asked USING (cluster)
), support AS (
  -- in whole units, so that a sum does not depend on the order of its terms
  SELECT least(a.cluster, b.cluster) AS low, greatest(a.cluster, b.cluster) AS high, count(*) AS compared,
    sum((greatest(least(weight, $weight_cap), -$weight_cap) / $unit)::BIGINT)::DOUBLE * $unit AS total
  FROM {pairs} JOIN node AS a ON a.node_id = l JOIN node AS b ON b.node_id = r JOIN id_weight USING (vector)
  WHERE a.cluster <> b.cluster GROUP BY ALL
), weighed AS (
  SELECT q.*, a.records AS records_low, b.records AS records_high, least(a.nodes, b.nodes) AS smaller,
    (total - (a.nodes * b.nodes - compared) * $uncompared) / (a.nodes * b.nodes) AS average
  FROM id_asking AS q JOIN support USING (low, high)
  JOIN id_customer AS a ON a.cluster = low JOIN id_customer AS b ON b.cluster = high
)
SELECT w.kind, w.identifier, l, r, low, high, vector, probability,
  CASE WHEN c.cluster = low THEN records_low ELSE records_high END AS records_l,
  CASE WHEN c.cluster = low THEN records_high ELSE records_low END AS records_r,
  -- what contradicts itself in an identifier looks alike by its nature: the weights say nothing of whether the identifier is wrong
  records_low * records_high * CASE WHEN identifier IS NOT NULL THEN $contradicted
    ELSE 1 / (1 + exp(-($bias + $best * greatest(least(weight, 10), -20)
      + $average * average + $size * log2(records_low * records_high) + $smaller * smaller))) END AS worth
FROM weighed AS w JOIN id_cluster AS c ON c.node_id = l;
