-- The values behind linkage.crowded, as far as the records at hand have them.
CREATE OR REPLACE TEMP TABLE id_crowded AS
SELECT id_type AS type, value
FROM (SELECT 'email' AS id_type, email AS value FROM id_record UNION SELECT 'phone', phone FROM id_record) AS v
SEMI JOIN linkage.crowded AS c ON c.id_type = v.id_type AND c.code = hash(v.value);
