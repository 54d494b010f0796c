-- Every pair of a block within its rule's cap, once, whatever rules found it. bucket: pairs that are compared together.
WITH used AS (
  SELECT block.nodes FROM block JOIN most ON most.rule = block.rule AND size(block.nodes) <= most.nodes
), ends AS (
  SELECT l, explode(slice(nodes, place + 2, size(nodes))) AS r FROM (SELECT nodes, posexplode(nodes) AS (place, l) FROM used)
)
SELECT DISTINCT l, r, pmod(l, :buckets) AS bucket FROM ends WHERE l < r
