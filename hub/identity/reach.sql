-- How far the consequences reach: every component that a change touches, whole.
CREATE OR REPLACE TEMP TABLE id_touched AS
WITH linked AS (
  SELECT l, r FROM id_added JOIN id_weight USING (vector) WHERE weight > 0
), inside AS (
  -- whether a pair inside a component was compared matters, whatever its weight
  SELECT l FROM (SELECT l, r FROM id_added UNION ALL FROM id_lost)
  JOIN linkage.cluster AS a ON a.node_id = l JOIN linkage.cluster AS b ON b.node_id = r WHERE a.component = b.component
)
SELECT node_id FROM id_old_node UNION SELECT node_id FROM id_node_record
UNION SELECT l FROM linked UNION SELECT r FROM linked UNION SELECT l FROM inside
UNION SELECT node_id FROM linkage.record SEMI JOIN linkage.pending USING (record_key);

CREATE OR REPLACE TEMP TABLE id_reach AS
SELECT node_id FROM linkage.cluster
WHERE component IN (SELECT component FROM linkage.cluster SEMI JOIN id_touched USING (node_id))
  AND node_id NOT IN (FROM id_old_node ANTI JOIN linkage.node USING (node_id))
UNION
SELECT node_id FROM id_node_record;
