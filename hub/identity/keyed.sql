-- The match keys of all live records.
-- digest stands for the match keys (two different ones agree by chance once in 10^19 pairs)
CREATE OR REPLACE TEMP VIEW id_keyed AS
WITH keyed AS (
  SELECT
    record_key, source_system, stream, source_record_id, is_test,
    CASE party_type WHEN 'person' THEN 1 WHEN 'company' THEN 2 ELSE 4 END AS kind,
    id_spelt(given_key) AS given, id_spelt(middle_key) AS middle, id_spelt(family_key) AS family, nullif(lower(rtrim(name_suffix, '.')), '') AS suffix,
    id_spelt(company_key) AS company,
    CASE WHEN email_key NOT IN (FROM id_never) THEN email_key END AS email,
    CASE WHEN email_key NOT IN (FROM id_never) THEN email_local END AS email_local,
    CASE WHEN phone_key NOT IN (FROM id_never) THEN phone_key END AS phone,
    email_is_role AND email_key IS NOT NULL AS is_role,
    id_spelt(street_key) AS street, id_spelt(city_key) AS city, postal_key AS postal, country_code AS country, birth_date AS birth,
    id_tax_key(tax_id) AS tax
  FROM {among} WHERE NOT is_deleted
)
SELECT *,
  hash(is_test, kind, given, middle, family, suffix, company, email, email_local, phone, is_role, street, city, postal, birth, tax)
    AS digest
FROM keyed;
