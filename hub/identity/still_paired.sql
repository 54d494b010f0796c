-- Of the pairs that one key no longer brings together, those that another one does are not lost.
CREATE OR REPLACE TEMP TABLE id_other_key AS
FROM linkage.block SEMI JOIN (SELECT l AS node_id FROM id_lost UNION SELECT r FROM id_lost) USING (node_id);

CREATE OR REPLACE TEMP TABLE id_bringing AS
SELECT key FROM (
  SELECT key, any_value(rule) AS rule, count(*) AS nodes FROM linkage.block SEMI JOIN id_other_key USING (key) GROUP BY key
) AS k JOIN id_most AS m USING (rule) WHERE k.nodes BETWEEN 2 AND m.nodes;

CREATE OR REPLACE TEMP TABLE id_lost AS
FROM id_lost ANTI JOIN (
  SELECT DISTINCT l, r FROM id_lost JOIN id_other_key AS a ON a.node_id = l JOIN id_other_key AS b ON b.node_id = r AND b.key = a.key
  SEMI JOIN id_bringing ON id_bringing.key = a.key
) USING (l, r);
