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
  -- 100 people more than there are: few records say little of how common a name is
  SELECT coalesce(max(records), 0) + 100 AS total FROM id_term WHERE term_type = 'all'
), split AS (
  SELECT split_part(term_type, ':', 1) AS part, split_part(term_type, ':', 2) AS country, term, records FROM id_term
), people AS (
  SELECT country, records, records + 100 AS people FROM split WHERE part = 'all' AND country <> ''
), local AS (
  -- namesakes within the countries, for as many people as there are in all; added up exactly, so that the order in which threads come
  -- to the terms of the sum does not matter
  SELECT g.term AS given, f.term AS family,
    sum((g.records * f.records / people.people)::DECIMAL(38, 9))::DOUBLE * (SELECT max(total) FROM named)
      / (SELECT sum(records) FROM people) AS expected
  FROM (SELECT DISTINCT given, family FROM record) AS n
  JOIN split AS g ON g.part = 'given' AND g.term = n.given
  JOIN split AS f ON f.part = 'family' AND f.term = n.family AND f.country = g.country
  JOIN people ON people.country = g.country
  GROUP BY g.term, f.term
)
SELECT
  node_id, streams, record_key AS node_key, kind, is_test,
  record.given, middle, record.family, suffix, company, email, email_local, is_role, phone, street, city, postal, country, birth, tax,
  split_part(email, '@', 2) AS email_domain, regexp_replace(email_local, '[^0-9]', '', 'g') AS email_digits,
  -- does the user part say something that the person's names do not? three letters or four digits more
  regexp_matches(replace(replace(id_spelt(email_local), coalesce(record.given, ''), ''), coalesce(record.family, ''), ''), '([a-z].*){3}|([0-9].*){4}')
    AS email_own,
  coalesce(contains(id_spelt(email_local), left(record.given, 3)), false) AS email_given,
  coalesce(contains(id_spelt(email_local), left(record.family, 3)), false) AS email_family,
  nullif(regexp_extract(street, '^([0-9]+[a-z]?) ', 1), '') AS house, regexp_replace(street, '^[0-9]+[a-z]? ', '') AS road,
  year(birth)::SMALLINT AS birth_year, month(birth)::TINYINT AS birth_month, day(birth)::TINYINT AS birth_day,
  strftime(birth, '%Y%m%d') AS birth_text, month(birth) = 1 AND day(birth) = 1 AS is_new_year,
  -- values that many hold who are not one: people's phone, companies' mailbox; and a company's tax ID, which hardly anybody else holds
  kind <> 2 AND w.value IS NOT NULL AS is_switchboard,
  kind = 2 AND m.value IS NOT NULL AS is_group,
  kind = 2 AND x.value IS NULL AS tax_is_own,
  f.forms AS given_forms, f.bits AS forms_bits,
  -- how many others of this name chance alone would bring
  greatest(coalesce(g.records, 1) * coalesce(n.records, 1) / total, coalesce(local.expected, 0)) AS namesakes,
  CASE
    WHEN namesakes < 0.03 THEN 0 WHEN namesakes < 0.06 THEN 1 WHEN namesakes < 0.12 THEN 2 WHEN namesakes < 0.25 THEN 3
    WHEN namesakes < 0.5 THEN 4 WHEN namesakes < 1 THEN 5 WHEN namesakes < 2 THEN 6 WHEN namesakes < 4 THEN 7 WHEN namesakes < 8 THEN 8
    WHEN namesakes < 16 THEN 9 WHEN namesakes < 32 THEN 10 ELSE 11 END::TINYINT AS name_band,
  -- the same in four steps, for names that only resemble each other
  CASE WHEN namesakes < 0.12 THEN 0 WHEN namesakes < 1 THEN 1 WHEN namesakes < 8 THEN 2 ELSE 3 END::TINYINT AS like_band,
  CASE WHEN coalesce(n.records, 1) <= 4 THEN 0 WHEN n.records <= 16 THEN 1 WHEN n.records <= 64 THEN 2 ELSE 3 END::TINYINT AS family_band,
  CASE WHEN coalesce(g.records, 1) <= 64 THEN 0 ELSE 1 END::TINYINT AS given_band,
  CASE WHEN coalesce(c.records, 1) <= 15 THEN 0 ELSE 1 END::TINYINT AS company_band,
  CASE WHEN coalesce(p.records, 1) <= 30 THEN 0 ELSE 1 END::TINYINT AS postal_band,
  CASE WHEN coalesce(t.records, 1) <= 100 THEN 0 ELSE 1 END::TINYINT AS city_band,
  CASE WHEN coalesce(u.records, 1) <= 2 THEN 0 WHEN u.records <= 4 THEN 1 ELSE 2 END::TINYINT AS user_band
FROM size JOIN record ON rid = node_id CROSS JOIN named
LEFT JOIN id_given_form AS f ON f.name = record.given
LEFT JOIN id_term AS g ON g.term_type = 'given' AND g.term = record.given
LEFT JOIN id_term AS n ON n.term_type = 'family' AND n.term = record.family
LEFT JOIN id_term AS c ON c.term_type = 'company' AND c.term = company
LEFT JOIN id_term AS p ON p.term_type = 'postal' AND p.term = postal
LEFT JOIN id_term AS t ON t.term_type = 'city' AND t.term = city
LEFT JOIN id_term AS u ON u.term_type = 'email_user' AND u.term = record.email_local
LEFT JOIN id_communal AS w ON w.id_type = 'phone' AND w.value = phone
LEFT JOIN id_communal AS m ON m.id_type = 'email' AND m.value = email
LEFT JOIN id_communal AS x ON x.id_type = 'tax_id' AND x.value = tax
LEFT JOIN local ON local.given = record.given AND local.family = record.family;
