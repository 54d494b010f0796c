-- The new clusters in the place of what they were.
DELETE FROM linkage.cluster WHERE node_id IN (FROM id_reach) OR node_id IN (FROM id_old_node);
INSERT INTO linkage.cluster BY NAME FROM id_cluster;

DELETE FROM linkage.refused WHERE l IN (FROM id_reach) OR l IN (FROM id_old_node) OR r IN (FROM id_old_node);
INSERT INTO linkage.refused BY NAME FROM id_refused;
