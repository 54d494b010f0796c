-- Countries of normalise_clean and the first digits of international numbers.
SELECT DISTINCT
  coalesce(country.norm_value, upper(c.country), c.country_default) AS country,
  regexp_extract(c.phone, '^\+ ?(\d{1,3})', 1) AS beginning
FROM normalise_clean c
LEFT JOIN normalise_known country ON country.id_type = 'country' AND country.raw_value = norm_raw(c.country)
WHERE c.phone IS NOT NULL
