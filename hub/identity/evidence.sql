-- What is known of the two sides of each question in id_side (question, side: 0 or 1, node_id), from compared pairs and match keys.
CREATE OR REPLACE TEMP TABLE id_side_node AS
WITH node AS (
  SELECT node_id, count(*) AS records FROM id_node_record SEMI JOIN id_side USING (node_id) GROUP BY node_id
)
SELECT question, side, node_id, records, streams, email, email_local AS mailbox_user, phone, street, postal, birth::VARCHAR AS birth, given, family
FROM id_side JOIN id_node USING (node_id) JOIN node USING (node_id);

-- a pair that was never compared counts as in the guard; in whole units, so that a sum does not depend on the order of its terms
CREATE OR REPLACE TEMP TABLE id_known_pair AS
WITH pair AS (
  SELECT a.question, least(a.node_id, b.node_id) AS l, greatest(a.node_id, b.node_id) AS r
  FROM id_side AS a JOIN id_side AS b ON b.question = a.question AND a.side = 0 AND b.side = 1
), weighed AS (
  SELECT question, greatest(least(weight, $weight_cap), -$weight_cap) AS weight
  FROM pair JOIN id_compared USING (l, r) JOIN id_weight USING (vector)
), across AS (
  SELECT question, count(*) AS compared, count(*) FILTER (weight > 0) AS agreeing,
    sum((weight / $unit)::BIGINT)::DOUBLE * $unit AS total, coalesce(max(weight, 2)[2], -$weight_cap) AS second
  FROM weighed GROUP BY question
), side AS (
  SELECT question, side, count(*) AS nodes, sum(records)::BIGINT AS records, bit_or(streams) AS streams
  FROM id_side_node GROUP BY question, side
)
SELECT question, a.nodes * b.nodes AS pairs, least(a.nodes, b.nodes) AS smaller, greatest(a.nodes, b.nodes) AS larger,
  a.records AS records_l, b.records AS records_r, bit_count(a.streams & b.streams) AS streams, agreeing / pairs AS agreeing,
  (compared - agreeing) / pairs AS differing, second, (total - (pairs - compared) * $uncompared) / pairs AS average
FROM across JOIN side AS a USING (question) JOIN side AS b USING (question) WHERE a.side = 0 AND b.side = 1
ORDER BY question;

CREATE OR REPLACE TEMP TABLE id_known_value AS
WITH said AS (
  UNPIVOT id_side_node ON email, mailbox_user, phone, street, postal, birth, given, family INTO NAME field VALUE value
), told AS (
  SELECT question, field, value, coalesce(sum(records) FILTER (side = 0), 0) AS l, coalesce(sum(records) FILTER (side = 1), 0) AS r
  FROM said GROUP BY ALL
)
SELECT question, field, count(*) FILTER (l > 0 AND r > 0) AS shared,
  least(count(*) FILTER (l > 0), count(*) FILTER (r > 0)) AS fewer, greatest(count(*) FILTER (l > 0), count(*) FILTER (r > 0)) AS more,
  least(sum(l), sum(r))::BIGINT AS known
FROM told GROUP BY question, field ORDER BY question, field;
