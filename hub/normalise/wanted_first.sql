-- Values of normalise_clean that need a library before the record's parts are known.
SELECT 'country' AS id_type, norm_raw(country) AS raw_value, '' AS region_hint FROM normalise_clean
WHERE upper(country) NOT IN (SELECT word FROM normalise_word WHERE list = 'alpha2')
UNION ALL
SELECT 'name', to_split, '' FROM normalise_clean WHERE NOT splits_plainly
UNION ALL
SELECT 'company', norm_raw(company_name), '' FROM normalise_clean WHERE norm_may_end_in_legal_form(company_name)
