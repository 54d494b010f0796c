-- The columns comparisons need, once a node instead of once a pair.
CREATE OR REPLACE TEMP TABLE id_node AS
WITH size AS (
  SELECT node_id, bit_or(bit) AS streams
  FROM id_node_record JOIN id_record USING (rid) JOIN id_stream USING (source_system, stream) GROUP BY node_id
), record AS (
  SELECT * REPLACE (
    CASE WHEN email NOT IN (SELECT value FROM id_busy WHERE id_type = 'email') THEN email END AS email,
    -- the user part of a company's mailbox names no person
    CASE WHEN kind <> 2 AND email NOT IN (SELECT value FROM id_busy WHERE id_type = 'email') THEN email_local END AS email_local,
    CASE WHEN phone NOT IN (SELECT value FROM id_busy WHERE id_type = 'phone') THEN phone END AS phone,
    CASE WHEN tax NOT IN (SELECT value FROM id_busy WHERE id_type = 'tax_id') THEN tax END AS tax)
  FROM id_record
), named AS (
  SELECT greatest(coalesce(max(records), 0), 1) AS total FROM id_term WHERE term_type = 'all'
), split AS (
  SELECT split_part(term_type, ':', 1) AS part, split_part(term_type, ':', 2) AS country, term, records FROM id_term
), people AS (
  SELECT country, records FROM split WHERE part = 'all' AND country <> ''
), local AS (
  -- namesakes within the countries, for as many people as there are in all
  SELECT g.term AS given, f.term AS family,
    sum(g.records * f.records / people.records) * (SELECT max(total) FROM named) / (SELECT sum(records) FROM people) AS expected
  FROM (SELECT DISTINCT given, family FROM record) AS n
  JOIN split AS g ON g.part = 'given' AND g.term = n.given
  JOIN split AS f ON f.part = 'family' AND f.term = n.family AND f.country = g.country
  JOIN people ON people.country = g.country
  GROUP BY g.term, f.term
)
SELECT
  node_id, streams, record_key AS node_key, kind, is_test,
  record.given, middle, record.family, suffix, company, email, email_local, is_role, phone, street, city, postal, birth, tax,
  split_part(email, '@', 2) AS email_domain, regexp_replace(email_local, '[^0-9]', '', 'g') AS email_digits,
  -- does the user part say something that the person's names do not? three letters or four digits more
  regexp_matches(replace(replace(email_local, coalesce(record.given, ''), ''), coalesce(record.family, ''), ''), '([a-z].*){3}|([0-9].*){4}')
    AS email_own,
  nullif(regexp_extract(street, '^([0-9]+[a-z]?) ', 1), '') AS house, regexp_replace(street, '^[0-9]+[a-z]? ', '') AS road,
  year(birth)::SMALLINT AS birth_year, month(birth)::TINYINT AS birth_month, day(birth)::TINYINT AS birth_day,
  strftime(birth, '%Y%m%d') AS birth_text,
  f.forms AS given_forms, f.bits AS forms_bits,
  -- how many others of this name chance alone would bring
  greatest(coalesce(g.records, 1) * coalesce(n.records, 1) / total, coalesce(local.expected, 0)) AS namesakes,
  CASE
    WHEN namesakes < 0.03 THEN 0 WHEN namesakes < 0.12 THEN 1 WHEN namesakes < 0.5 THEN 2 WHEN namesakes < 2 THEN 3
    WHEN namesakes < 8 THEN 4 WHEN namesakes < 32 THEN 5 ELSE 6 END AS name_band,
  CASE WHEN coalesce(n.records, 1) <= 10 THEN 0 WHEN n.records <= 60 THEN 1 ELSE 2 END AS family_band,
  CASE WHEN coalesce(c.records, 1) <= 15 THEN 0 ELSE 1 END AS company_band
FROM size JOIN record ON rid = node_id CROSS JOIN named
LEFT JOIN id_given_form AS f ON f.name = record.given
LEFT JOIN id_term AS g ON g.term_type = 'given' AND g.term = record.given
LEFT JOIN id_term AS n ON n.term_type = 'family' AND n.term = record.family
LEFT JOIN id_term AS c ON c.term_type = 'company' AND c.term = company
LEFT JOIN local ON local.given = record.given AND local.family = record.family;
