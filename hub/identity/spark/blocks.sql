-- The nodes that share a key, each block a list. Keys that more nodes share than any rule uses are counted first and taken out, so that
-- no value, however common, is ever gathered in one place.
WITH crowded AS (
  SELECT rule, key FROM key GROUP BY rule, key HAVING count(*) > :max_block_size
)
SELECT rule, array_sort(collect_list(node_id)) AS nodes
FROM key LEFT ANTI JOIN crowded USING (rule, key)
GROUP BY rule, key HAVING count(*) > 1
