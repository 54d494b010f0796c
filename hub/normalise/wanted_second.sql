-- Values of normalise_parts that need a library for their keys or for display.
SELECT 'fold' AS id_type, norm_foreign(x) AS raw_value, '' AS region_hint
FROM (
  SELECT unnest([given_name, middle_name, family_name, company_base, city, address_line1, address_line2, postal_code]) AS x
  FROM normalise_parts
)
UNION ALL
SELECT 'case', norm_caseless(x, is_shouted), ''
FROM (
  SELECT is_shouted, unnest([given_name, middle_name, family_name, CASE WHEN NOT full_name_is_company THEN full_name END]) AS x
  FROM normalise_parts
)
UNION ALL
SELECT 'email', norm_raw(email), '' FROM normalise_parts WHERE plain_email IS NULL
UNION ALL
SELECT 'phone', norm_raw(phone), phone_region FROM normalise_parts WHERE plain_phone IS NULL
