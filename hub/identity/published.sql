-- The tables that linkage makes of all live records, made again from the match keys of a published load.
CREATE OR REPLACE TEMP TABLE id_record AS
SELECT (row_number() OVER (ORDER BY record_key))::INTEGER AS rid, * EXCLUDE (node_key, streams) FROM {schema}.match_key;
CREATE OR REPLACE TEMP TABLE id_node_record AS
SELECT r.rid, n.rid AS node_id
FROM {schema}.match_key AS k JOIN id_record AS r USING (record_key) JOIN id_record AS n ON n.record_key = k.node_key;
CREATE OR REPLACE TEMP TABLE id_stream AS SELECT DISTINCT source_system, stream, 0::BIGINT AS bit FROM id_record;
CREATE OR REPLACE TEMP TABLE id_busy AS SELECT id_type, value FROM {schema}.blocked_value;
CREATE OR REPLACE TEMP TABLE id_term AS SELECT term_type, term, records FROM {schema}.term_frequency;
