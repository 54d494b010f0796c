-- The largest block that a loose rule may use: blocks are taken smallest first, as long as all of one size fit its budget of pairs.
-- sizes: nodes and blocks, how many blocks of the rule hold so many nodes.
INSERT INTO id_term
WITH step AS (
  SELECT nodes, blocks * (nodes * (nodes - 1) // 2) AS pairs FROM {sizes} WHERE nodes BETWEEN 2 AND $max_block_size
), running AS (
  SELECT nodes, sum(pairs) OVER (ORDER BY nodes) AS pairs FROM step
)
SELECT $term_type, $term, coalesce(min(nodes) - 1, $max_block_size) FROM running WHERE pairs > $budget;
