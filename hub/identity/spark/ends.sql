-- The nodes that the pairs of each bucket need, each once a bucket and not once a pair.
SELECT bucket, node.*
FROM (SELECT DISTINCT bucket, explode(array(l, r)) AS node_id FROM pair) JOIN node USING (node_id)
