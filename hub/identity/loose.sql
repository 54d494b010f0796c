-- The largest block that a loose rule may use: blocks are taken smallest first, as long as all of one size fit its budget of pairs.
INSERT INTO id_term
WITH step AS (
  SELECT nodes, count(*) * (nodes * (nodes - 1) // 2) AS pairs
  FROM (SELECT count(*) AS nodes FROM id_block WHERE rule = $rule GROUP BY key)
  WHERE nodes BETWEEN 2 AND $max_block_size GROUP BY nodes
), running AS (
  SELECT nodes, sum(pairs) OVER (ORDER BY nodes) AS pairs FROM step
)
SELECT $term_type, $term, coalesce(min(nodes) - 1, $max_block_size) FROM running WHERE pairs > $budget;
