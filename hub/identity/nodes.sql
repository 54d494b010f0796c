-- Nodes: what linkage compares. Records with the same match keys are one node, provided these keys tell one customer from another.

-- one row a live record; rid follows the order of record_key, so that nothing below depends on the order of rows
CREATE OR REPLACE TEMP TABLE id_record AS
SELECT
  (row_number() OVER (ORDER BY record_key))::INTEGER AS rid, record_key, source_system, stream, source_record_id, is_test,
  CASE party_type WHEN 'person' THEN 1 WHEN 'company' THEN 2 ELSE 4 END AS kind,
  given_key AS given, middle_key AS middle, family_key AS family, nullif(lower(rtrim(name_suffix, '.')), '') AS suffix,
  company_key AS company,
  CASE WHEN email_key NOT IN (FROM id_never) THEN email_key END AS email,
  CASE WHEN email_key NOT IN (FROM id_never) THEN email_local END AS email_local,
  CASE WHEN phone_key NOT IN (FROM id_never) THEN phone_key END AS phone,
  email_is_role AND email_key IS NOT NULL AS is_role,
  street_key AS street, city_key AS city, postal_key AS postal, country_code AS country, birth_date AS birth,
  nullif(regexp_replace(upper(tax_id), '[^A-Z0-9]', '', 'g'), '') AS tax
FROM staging.party_record
WHERE NOT is_deleted;

-- one bit a stream; beyond 62 streams two may share a bit, which only blurs the evidence "both in one stream"
CREATE OR REPLACE TEMP TABLE id_stream AS
SELECT source_system, stream, 1::BIGINT << ((row_number() OVER (ORDER BY source_system, stream) - 1) % 62) AS bit
FROM (SELECT DISTINCT source_system, stream FROM id_record);

CREATE OR REPLACE TEMP TABLE id_group AS
SELECT list(rid) AS rids, * EXCLUDE (rid, record_key, source_system, stream, source_record_id, country)
FROM id_record GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE id_crowded AS
SELECT 'email' AS type, email AS value FROM id_group WHERE email IS NOT NULL GROUP BY email HAVING count(*) > $max_block_size
UNION ALL
SELECT 'phone', phone FROM id_group WHERE phone IS NOT NULL GROUP BY phone HAVING count(*) > $max_block_size;

-- Equal keys make one node only where they would identify somebody: two records that say no more than "John Smith", or that share
-- nothing but a role mailbox or a value held by half the world, stay two. So do test records and those a steward has told apart.
CREATE OR REPLACE TEMP TABLE id_node_record AS
WITH judged AS (
  SELECT rids,
    NOT is_test AND (
      (email IS NOT NULL AND NOT is_role AND e.value IS NULL)
      OR tax IS NOT NULL
      OR (phone IS NOT NULL AND p.value IS NULL AND coalesce(family, given, company) IS NOT NULL)
      OR (given IS NOT NULL AND family IS NOT NULL AND birth IS NOT NULL)
      OR (coalesce(given || family, company) IS NOT NULL AND street IS NOT NULL AND coalesce(postal, city) IS NOT NULL)
    ) AS identified
  FROM id_group
  LEFT JOIN id_crowded AS e ON e.type = 'email' AND e.value = email
  LEFT JOIN id_crowded AS p ON p.type = 'phone' AND p.value = phone
), spread AS (
  SELECT unnest(rids) AS rid, list_min(rids) AS group_id, identified FROM judged
), placed AS (
  SELECT rid, group_id, NOT identified OR record_key IN (SELECT record_key FROM id_apart) AS alone
  FROM spread JOIN id_record USING (rid)
)
SELECT rid, CASE WHEN alone THEN rid ELSE min(rid) OVER (PARTITION BY group_id, alone) END AS node_id FROM placed;

-- An identifier that more nodes share than one customer could explain is nobody's: it neither brings records together nor counts as
-- evidence. By today's counts, so that a mailbox that turns junk today is junk today.
CREATE OR REPLACE TEMP TABLE id_busy AS
WITH node AS (SELECT email, phone, tax FROM id_record WHERE rid IN (SELECT node_id FROM id_node_record) AND NOT is_test)
SELECT 'email' AS id_type, email AS value, count(*) AS nodes FROM node WHERE email IS NOT NULL GROUP BY email HAVING nodes > $max_block_size
UNION ALL
SELECT 'phone', phone, count(*) AS nodes FROM node WHERE phone IS NOT NULL GROUP BY phone HAVING nodes > $max_block_size
UNION ALL
SELECT 'tax_id', tax, count(*) AS nodes FROM node WHERE tax IS NOT NULL GROUP BY tax HAVING nodes > $max_block_size;
