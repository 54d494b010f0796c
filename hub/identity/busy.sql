-- An identifier that more nodes share than one customer could explain is nobody's: it neither brings records together nor counts as
-- evidence. By today's counts, so that a mailbox that turns junk today is junk today.
CREATE OR REPLACE TEMP TABLE id_busy AS
WITH node AS (SELECT email, phone, tax FROM id_record WHERE rid IN (SELECT node_id FROM id_node_record) AND NOT is_test)
SELECT 'email' AS id_type, email AS value, count(*) AS nodes
FROM node WHERE email IS NOT NULL GROUP BY email HAVING nodes > $max_block_size
UNION ALL
SELECT 'phone', phone, count(*) AS nodes FROM node WHERE phone IS NOT NULL GROUP BY phone HAVING nodes > $max_block_size
UNION ALL
SELECT 'tax_id', tax, count(*) AS nodes FROM node WHERE tax IS NOT NULL GROUP BY tax HAVING nodes > $max_block_size;
