-- Identifiers that too many different records share to make any two of them one
CREATE OR REPLACE TEMP TABLE id_crowded AS
WITH different AS (SELECT email, phone FROM id_record WHERE rid IN (SELECT min(rid) FROM id_record GROUP BY digest))
SELECT 'email' AS type, email AS value FROM different WHERE email IS NOT NULL GROUP BY email HAVING count(*) > $max_block_size
UNION ALL
SELECT 'phone', phone FROM different WHERE phone IS NOT NULL GROUP BY phone HAVING count(*) > $max_block_size;
