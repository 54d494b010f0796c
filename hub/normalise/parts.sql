-- Second step: the parts of names, companies without legal form, countries as codes, and what the fast paths can say of e-mail
-- and phone.
CREATE OR REPLACE TEMP TABLE normalise_parts AS
WITH known AS {kept} (
  SELECT
    c.*,
    company.norm_value AS company_base,
    CASE WHEN upper(c.country) IN (SELECT word FROM normalise_word WHERE list = 'alpha2') THEN upper(c.country) ELSE country.norm_value END
      AS own_country,
    string_split(replace(c.to_split, ',', ''), ' ') AS words,
    contains(c.to_split, ',') AS comma,
    name.norm_value AS parsed,
    norm_dialling(c.phone) AS dialling
  FROM normalise_clean c
  LEFT JOIN normalise_known company ON company.id_type = 'company' AND company.raw_value = norm_raw(c.company_name)
  LEFT JOIN normalise_known country ON country.id_type = 'country' AND country.raw_value = norm_raw(c.country)
  LEFT JOIN normalise_known name ON name.id_type = 'name' AND name.raw_value = CASE WHEN NOT c.splits_plainly THEN c.to_split END
),
split AS (
  SELECT
    *,
    CASE WHEN NOT splits_plainly THEN norm_said(parsed ->> '/given') WHEN comma THEN words[2] ELSE words[1] END AS parsed_given,
    CASE WHEN NOT splits_plainly THEN norm_said(parsed ->> '/middle') WHEN comma THEN words[3] WHEN len(words) = 3 THEN words[2] END AS parsed_middle,
    CASE WHEN NOT splits_plainly THEN norm_said(parsed ->> '/family') WHEN comma THEN words[1] WHEN len(words) > 1 THEN words[-1] END AS parsed_family,
    CASE WHEN NOT splits_plainly THEN parsed ->> '/suffix' END AS parsed_suffix
  FROM known
),
joined AS {kept} (
  SELECT
    * REPLACE (
      coalesce(norm_without_title(given_name), CASE WHEN lower(parsed_given) IS DISTINCT FROM lower(family_name) THEN parsed_given END)
        AS given_name,
      coalesce(middle_name, CASE WHEN given_name IS NULL THEN parsed_middle END) AS middle_name,
      coalesce(family_name, CASE WHEN lower(parsed_family) IS DISTINCT FROM lower(given_name) THEN norm_without_generation(parsed_family) END)
        AS family_name
    ),
    coalesce(generation, parsed_suffix, norm_generation(parsed_family), CASE WHEN NOT full_name_is_company THEN norm_generation(full_name) END)
      AS name_suffix
  FROM split
)
SELECT
  * EXCLUDE (words, comma, dialling, parsed, parsed_given, parsed_middle, parsed_family, parsed_suffix, generation, to_split, splits_plainly)
    REPLACE (coalesce(company_base, company_name) AS company_base),
  norm_is_shouted(coalesce(nullif(concat_ws('', given_name, middle_name, family_name), ''), full_name)) AS is_shouted,
  norm_plain_email(email) AS plain_email,
  CASE WHEN starts_with(phone, '+') THEN '' ELSE coalesce(own_country, country_default, '') END AS phone_region,
  norm_plain_phone(dialling, coalesce(own_country, country_default)) AS plain_phone
FROM joined;
