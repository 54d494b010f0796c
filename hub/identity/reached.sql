-- All that is reached, as a full run would have it.
CREATE OR REPLACE TEMP TABLE id_key AS SELECT record_key, rid FROM linkage.record SEMI JOIN id_reach USING (node_id);
CREATE OR REPLACE TEMP TABLE id_node_record AS SELECT rid, node_id FROM linkage.record SEMI JOIN id_reach USING (node_id);
CREATE OR REPLACE TEMP TABLE id_node AS FROM linkage.node SEMI JOIN id_reach USING (node_id);
CREATE OR REPLACE TEMP TABLE id_compared AS
FROM linkage.pair WHERE l IN (FROM id_reach) AND r IN (FROM id_reach);
