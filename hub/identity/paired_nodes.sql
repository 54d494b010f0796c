-- The nodes that are to be compared.
CREATE OR REPLACE TEMP TABLE id_node AS
FROM linkage.node WHERE node_id IN (SELECT l FROM id_found UNION SELECT r FROM id_found);
