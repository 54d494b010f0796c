-- Pairs to compare: of nodes that look different with all that share a key, and of the holders of keys that come to bring pairs. And
-- pairs that nothing brings together any more (id_lost).
CREATE OR REPLACE TEMP TABLE id_found AS
SELECT least(a.node_id, b.node_id) AS l, greatest(a.node_id, b.node_id) AS r
FROM id_block AS a JOIN id_holder AS b USING (key) SEMI JOIN (SELECT key FROM id_turn WHERE brings) USING (key)
WHERE a.node_id <> b.node_id;

CREATE OR REPLACE TEMP TABLE id_still AS
FROM id_holder ANTI JOIN id_moving USING (node_id) SEMI JOIN (FROM id_turn WHERE brought <> brings) USING (key);

INSERT INTO id_found
SELECT l, r FROM (
  SELECT DISTINCT a.node_id AS l, b.node_id AS r
  FROM id_still AS a JOIN id_still AS b USING (key) SEMI JOIN (FROM id_turn WHERE brings) USING (key)
  WHERE a.node_id < b.node_id
) ANTI JOIN linkage.pair USING (l, r);

CREATE OR REPLACE TEMP TABLE id_lost AS
SELECT l, r FROM (
  SELECT DISTINCT a.node_id AS l, b.node_id AS r
  FROM id_still AS a JOIN id_still AS b USING (key) SEMI JOIN (FROM id_turn WHERE NOT brings) USING (key)
  WHERE a.node_id < b.node_id
) SEMI JOIN linkage.pair USING (l, r);
