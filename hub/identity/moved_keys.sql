-- By record keys: nodes whose pairs are compared anew, and the match keys of records whose node changed.
CREATE OR REPLACE TEMP TABLE id_moved_key AS
SELECT record_key FROM id_was WHERE rid IN (FROM id_moving)
UNION SELECT record_key FROM linkage.record WHERE rid IN (FROM id_moving);

CREATE OR REPLACE TEMP TABLE id_rekeyed AS
SELECT r.* EXCLUDE (rid, digest), s.node_key, s.streams
FROM id_record AS r JOIN id_node_record AS n USING (rid) JOIN id_node AS s USING (node_id);
