-- From keys to pairs. A loose rule's blocks are taken smallest first until its budget of pairs is spent.
CREATE OR REPLACE TEMP TABLE id_size AS
SELECT any_value(rule) AS rule, key, count(*) AS nodes FROM id_block GROUP BY key HAVING count(*) > 1;

CREATE OR REPLACE TEMP TABLE id_limit AS
WITH step AS (
  SELECT rule, nodes, sum(nodes * (nodes - 1) // 2) AS pairs FROM id_size WHERE nodes <= $max_block_size GROUP BY rule, nodes
), running AS (
  SELECT rule, nodes, sum(pairs) OVER (PARTITION BY rule ORDER BY nodes) AS pairs FROM step
)
SELECT rule, max(nodes) AS nodes FROM running WHERE NOT list_contains($loose, rule) OR pairs <= $budget GROUP BY rule;

CREATE OR REPLACE TEMP TABLE id_pair AS
WITH kept AS (
  SELECT node_id, key
  FROM id_block JOIN id_size USING (key) JOIN id_limit ON id_limit.rule = id_size.rule AND id_size.nodes <= id_limit.nodes
), found AS (
  SELECT DISTINCT a.node_id AS l, b.node_id AS r FROM kept AS a JOIN kept AS b USING (key) WHERE a.node_id < b.node_id
)
-- a company is a customer of its own, and so are the people who work there
SELECT l, r
FROM found JOIN id_node AS a ON a.node_id = l JOIN id_node AS b ON b.node_id = r
WHERE a.kind | b.kind <> 3;

DROP TABLE id_block;
