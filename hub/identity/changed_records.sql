-- The changed records (id_record holds those that live) in the place of what they were, and whose node that puts in doubt.
CREATE OR REPLACE TEMP TABLE id_was AS FROM linkage.record SEMI JOIN id_changed USING (rid);

DELETE FROM linkage.record WHERE rid IN (SELECT rid FROM id_was);

INSERT INTO linkage.record BY NAME
SELECT rid, record_key, digest, country, is_test, CASE WHEN email IS NOT NULL THEN hash(email) END AS email,
  CASE WHEN phone IS NOT NULL THEN hash(phone) END AS phone, CASE WHEN tax IS NOT NULL THEN hash(tax) END AS tax_id,
  kind AS party_kind, left(family, 3) AS family_start, left(city, 3) AS city_start, left(company, 3) AS company_start
FROM id_record;

CREATE OR REPLACE TEMP TABLE id_value AS
SELECT DISTINCT id_type, code
FROM (SELECT email, phone, tax_id FROM id_was UNION ALL
  SELECT email, phone, tax_id FROM linkage.record SEMI JOIN id_changed USING (record_key))
UNPIVOT (code FOR id_type IN (email, phone, tax_id));

-- identifiers that became too common for equal keys to make one node, or no longer are
CREATE OR REPLACE TEMP TABLE id_crowding AS
SELECT id_type, code FROM (
  SELECT 'email' AS id_type, email AS code, digest FROM linkage.record
  WHERE email IN (SELECT code FROM id_value WHERE id_type = 'email')
  UNION ALL
  SELECT 'phone', phone, digest FROM linkage.record WHERE phone IN (SELECT code FROM id_value WHERE id_type = 'phone')
) GROUP BY id_type, code HAVING count(DISTINCT digest) > $max_block_size;

CREATE OR REPLACE TEMP TABLE id_flip AS
(FROM linkage.crowded SEMI JOIN id_value USING (id_type, code) EXCEPT FROM id_crowding)
UNION ALL (FROM id_crowding EXCEPT FROM linkage.crowded);

DELETE FROM linkage.crowded WHERE (id_type, code) IN (SELECT (id_type, code) FROM id_flip);
INSERT INTO linkage.crowded FROM id_crowding ANTI JOIN linkage.crowded USING (id_type, code);

-- all records with the keys of one that changed, that was decided upon anew, or whose identifier flipped
CREATE OR REPLACE TEMP TABLE id_doubtful AS
SELECT digest FROM id_was
UNION SELECT digest FROM linkage.record SEMI JOIN id_changed USING (record_key)
UNION SELECT digest FROM linkage.record SEMI JOIN id_anew USING (record_key)
UNION SELECT digest FROM linkage.record WHERE email IN (SELECT code FROM id_flip WHERE id_type = 'email')
UNION SELECT digest FROM linkage.record WHERE phone IN (SELECT code FROM id_flip WHERE id_type = 'phone');

CREATE OR REPLACE TEMP TABLE id_key AS SELECT record_key, rid FROM linkage.record SEMI JOIN id_doubtful USING (digest);

CREATE OR REPLACE TEMP TABLE id_old_node AS
SELECT node_id FROM id_was UNION SELECT node_id FROM linkage.record SEMI JOIN id_key USING (rid) WHERE node_id IS NOT NULL;

-- all who hold an identifier of a changed record, now or before: who they are says whose it is
CREATE OR REPLACE TEMP TABLE id_holding AS
SELECT is_test, party_kind AS kind, email, phone, tax_id AS tax, family_start AS family, city_start AS city, company_start AS company
FROM linkage.record
WHERE email IN (SELECT code FROM id_value WHERE id_type = 'email') OR phone IN (SELECT code FROM id_value WHERE id_type = 'phone')
  OR tax_id IN (SELECT code FROM id_value WHERE id_type = 'tax_id');
