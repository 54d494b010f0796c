-- The tables of linkage as a full run leaves them, of all records.
CREATE TEMP VIEW id_compared AS FROM linkage.pair;
CREATE TEMP VIEW id_node AS FROM linkage.node;
CREATE TEMP VIEW id_cluster AS FROM linkage.cluster;
CREATE TEMP VIEW id_refused AS FROM linkage.refused;
CREATE TEMP VIEW id_customer AS FROM linkage.customer;
CREATE TEMP VIEW id_record AS SELECT rid, record_key FROM linkage.record;
CREATE TEMP VIEW id_node_record AS SELECT rid, node_id FROM linkage.record;
CREATE TEMP VIEW id_member AS SELECT rid, record_key, cluster FROM linkage.record JOIN linkage.cluster USING (node_id);
