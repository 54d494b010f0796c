-- The new nodes of those records (id_node_record), identifiers that became everybody's or no longer are, and all whom that changes.
UPDATE linkage.record AS r SET node_id = n.node_id
FROM id_node_record AS n WHERE n.rid = r.rid AND r.node_id IS DISTINCT FROM n.node_id;

INSERT INTO id_value
SELECT id_type, code FROM (SELECT email, phone, tax_id FROM linkage.record SEMI JOIN id_key USING (rid))
UNPIVOT (code FOR id_type IN (email, phone, tax_id));

CREATE OR REPLACE TEMP TABLE id_busying AS
SELECT id_type, code, count(*) AS nodes FROM (
  SELECT id_type, code FROM (SELECT email, phone, tax_id FROM linkage.record WHERE rid = node_id AND NOT is_test)
  UNPIVOT (code FOR id_type IN (email, phone, tax_id))
) SEMI JOIN id_value USING (id_type, code)
GROUP BY id_type, code HAVING count(*) > $max_block_size;

CREATE OR REPLACE TEMP TABLE id_flip AS
WITH was AS (
  SELECT id_type, code FROM linkage.busy SEMI JOIN id_value USING (id_type, code)
)
(FROM was EXCEPT SELECT id_type, code FROM id_busying) UNION ALL (SELECT id_type, code FROM id_busying EXCEPT FROM was);

CREATE OR REPLACE TEMP TABLE id_busy AS
SELECT id_type, coalesce(b.value, v.value) AS value, code, i.nodes
FROM id_busying AS i LEFT JOIN linkage.busy AS b USING (id_type, code) LEFT JOIN (
  SELECT DISTINCT id_type, value, hash(value) AS code FROM (SELECT email, phone, tax AS tax_id FROM id_record)
  UNPIVOT (value FOR id_type IN (email, phone, tax_id))
) AS v USING (id_type, code);

DELETE FROM linkage.busy WHERE (id_type, code) IN (SELECT (id_type, code) FROM id_value);
INSERT INTO linkage.busy BY NAME FROM id_busy;

CREATE OR REPLACE TEMP TABLE id_busy AS SELECT id_type, value, nodes FROM linkage.busy;

INSERT INTO id_old_node
SELECT node_id FROM linkage.record
WHERE rid = node_id AND (email IN (SELECT code FROM id_flip WHERE id_type = 'email')
  OR phone IN (SELECT code FROM id_flip WHERE id_type = 'phone')
  OR tax_id IN (SELECT code FROM id_flip WHERE id_type = 'tax_id')) AND node_id NOT IN (FROM id_old_node);

-- every record of every node that is new or may look different
CREATE OR REPLACE TEMP TABLE id_node_record AS
SELECT rid, node_id FROM linkage.record
WHERE node_id IN (FROM id_old_node UNION SELECT node_id FROM linkage.record SEMI JOIN id_key USING (rid));

CREATE OR REPLACE TEMP TABLE id_key AS SELECT record_key, rid FROM linkage.record SEMI JOIN id_node_record USING (rid);
