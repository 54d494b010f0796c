-- The records of id_explained (record_key, side) as the linkage saw them, each a node: the tables that linkage makes, with these rows and
-- the pairs across the two sides.
CREATE OR REPLACE TEMP TABLE id_record AS
SELECT (row_number() OVER (ORDER BY record_key))::INTEGER AS rid, * EXCLUDE (node_key, streams) REPLACE (record_key AS source_system)
FROM {schema}.match_key WHERE record_key IN (SELECT record_key FROM id_explained);
CREATE OR REPLACE TEMP TABLE id_node_record AS SELECT rid, rid AS node_id FROM id_record;
CREATE OR REPLACE TEMP TABLE id_stream AS
SELECT record_key AS source_system, stream, streams AS bit
FROM {schema}.match_key WHERE record_key IN (SELECT record_key FROM id_explained);
CREATE OR REPLACE TEMP TABLE id_busy AS SELECT id_type, value FROM {schema}.blocked_value;
CREATE OR REPLACE TEMP TABLE id_term AS SELECT term_type, term, records FROM {schema}.term_frequency;
CREATE OR REPLACE TEMP TABLE id_pair AS
WITH of AS (SELECT rid, side FROM id_record JOIN id_explained USING (record_key))
SELECT least(a.rid, b.rid) AS l, greatest(a.rid, b.rid) AS r FROM of AS a JOIN of AS b ON a.side = 0 AND b.side = 1;

-- all who hold an identifier of these: who they are says whose it is
CREATE OR REPLACE TEMP TABLE id_holding AS
FROM {schema}.match_key
WHERE email IN (SELECT email FROM id_record) OR phone IN (SELECT phone FROM id_record) OR tax IN (SELECT tax FROM id_record);
