-- Which identifiers of the changed records (id_communal, by their codes) came to be everybody's in a house or no longer are, and the nodes
-- that look different for it, whoever in them holds the value.
CREATE OR REPLACE TEMP TABLE id_flip AS
WITH was AS (SELECT id_type, code FROM linkage.communal SEMI JOIN id_value USING (id_type, code)),
-- what else the counted records hold was not counted among all who hold it
now AS (SELECT id_type, value AS code FROM id_communal SEMI JOIN id_value AS v ON v.id_type = id_communal.id_type AND v.code = value)
(FROM was EXCEPT FROM now) UNION ALL (FROM now EXCEPT FROM was);

CREATE OR REPLACE TEMP TABLE id_settled AS FROM linkage.communal SEMI JOIN id_flip USING (id_type, code);
DELETE FROM linkage.communal WHERE (id_type, code) IN (SELECT (id_type, code) FROM id_settled);
INSERT INTO linkage.communal FROM id_flip ANTI JOIN id_settled USING (id_type, code);

INSERT INTO id_old_node
SELECT DISTINCT node_id FROM linkage.record
WHERE node_id IS NOT NULL AND node_id NOT IN (FROM id_old_node)
  AND (email IN (SELECT code FROM id_flip WHERE id_type = 'email') OR phone IN (SELECT code FROM id_flip WHERE id_type = 'phone')
    OR tax_id IN (SELECT code FROM id_flip WHERE id_type = 'tax_id'));
