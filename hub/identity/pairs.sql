-- From the keys of one rule to the pairs that share one, l < r; a pair may be found again by another rule.
INSERT INTO id_found
WITH shared AS (
  SELECT list(node_id) AS nodes FROM id_block WHERE rule = $rule GROUP BY key HAVING count(*) BETWEEN 2 AND $most
), ends AS (
  SELECT l, unnest(nodes) AS r FROM (SELECT unnest(nodes) AS l, nodes FROM shared)
)
SELECT l, r FROM ends WHERE l < r;
