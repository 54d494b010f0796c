-- The values behind linkage.communal, as far as the records at hand have them.
CREATE OR REPLACE TEMP TABLE id_communal AS
SELECT id_type, value
FROM (
  SELECT DISTINCT id_type, value FROM (SELECT email, phone, tax AS tax_id FROM id_record) UNPIVOT (value FOR id_type IN (email, phone, tax_id))
) AS v
SEMI JOIN linkage.communal AS c ON c.id_type = v.id_type AND c.code = hash(v.value);
