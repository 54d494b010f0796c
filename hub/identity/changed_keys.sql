-- The nodes that look different (id_node) in the place of what they were, with their keys (id_block), and the keys that come to bring
-- pairs or no longer do.
CREATE OR REPLACE TEMP TABLE id_same AS
SELECT node_id FROM (FROM linkage.node SEMI JOIN id_old_node USING (node_id) INTERSECT FROM id_node);

CREATE OR REPLACE TEMP TABLE id_moving AS
(FROM id_old_node UNION SELECT node_id FROM id_node) EXCEPT FROM id_same;

DELETE FROM linkage.node WHERE node_id IN (FROM id_moving);
INSERT INTO linkage.node FROM id_node SEMI JOIN id_moving USING (node_id);

DELETE FROM id_block WHERE node_id NOT IN (FROM id_moving);

CREATE OR REPLACE TEMP TABLE id_shared AS
FROM linkage.block SEMI JOIN (
  SELECT key FROM linkage.block SEMI JOIN id_moving USING (node_id) UNION SELECT key FROM id_block) USING (key);

DELETE FROM linkage.block WHERE node_id IN (FROM id_moving);
INSERT INTO linkage.block BY NAME FROM id_block;

CREATE OR REPLACE TEMP TABLE id_holder AS
FROM id_shared ANTI JOIN id_moving USING (node_id) UNION ALL BY NAME FROM id_block;

CREATE OR REPLACE TEMP TABLE id_turn AS
WITH was AS (SELECT key, any_value(rule) AS rule, count(*) AS nodes FROM id_shared GROUP BY key),
now AS (SELECT key, any_value(rule) AS rule, count(*) AS nodes FROM id_holder GROUP BY key)
SELECT key, coalesce(was.nodes BETWEEN 2 AND m.nodes, false) AS brought, coalesce(now.nodes BETWEEN 2 AND m.nodes, false) AS brings
FROM was FULL JOIN now USING (key) JOIN id_most AS m ON m.rule = coalesce(was.rule, now.rule);
