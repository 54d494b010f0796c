-- First step: text hygiene, and whether the record speaks of a company.
CREATE OR REPLACE TEMP TABLE normalise_clean AS
WITH cleaned AS {kept} (
  SELECT
    record_key, source_system, stream, source_record_id, source_updated_at, sync_run_id, payload_hash,
    country_default, coalesce(timezone, 'UTC') AS timezone,
    lower(norm_clean(party_type)) AS party_type,
    lower(norm_clean(record_role)) AS record_role,
    -- a customer ID that the hub wrote into the record is no evidence of who that is: it would hold together for ever what it joined
    CASE WHEN NOT regexp_full_match(norm_clean(legacy_id), 'c_[a-z2-7]{26}') THEN norm_clean(legacy_id) END AS legacy_id,
    norm_clean(account_id) AS account_id,
    norm_clean(full_name) AS full_name,
    norm_clean(given_name) AS given_name,
    norm_clean(middle_name) AS middle_name,
    nullif(rtrim(norm_clean(family_name), ' ,'), '') AS family_name,
    norm_clean(company_name) AS company_name,
    norm_clean(email) AS email,
    lower(norm_clean(email_verified)) AS email_verified,
    norm_clean(phone) AS phone,
    norm_clean(address_line1) AS address_line1,
    norm_clean(address_line2) AS address_line2,
    norm_clean(city) AS city,
    norm_clean(region) AS region,
    norm_clean(postal_code) AS postal_code,
    norm_clean(country) AS country,
    norm_clean(birth_date) AS birth_date,
    norm_clean(tax_id) AS tax_id,
    norm_clean(locale) AS locale,
    lower(norm_clean(is_test)) AS is_test,
    norm_clean(created_at) AS created_at
  FROM normalise_source
),
judged AS {kept} (
  SELECT
    * REPLACE (
      norm_said(full_name) AS full_name, norm_said(given_name) AS given_name, norm_said(middle_name) AS middle_name,
      norm_said(nullif(rtrim(norm_without_generation(family_name), ' ,'), '')) AS family_name, norm_said(company_name) AS company_name, norm_said(address_line1) AS address_line1,
      norm_said(address_line2) AS address_line2, norm_said(city) AS city, norm_said(region) AS region,
      norm_said(postal_code) AS postal_code, norm_said(country) AS country, norm_said(birth_date) AS birth_date,
      norm_said(tax_id) AS tax_id
    ),
    norm_generation(family_name) AS generation,
    CASE
      WHEN party_type IN ('company', 'business', 'organization', 'organisation', 'corporate', 'legal', 'b2b') THEN 'company'
      WHEN party_type IN ('person', 'individual', 'private', 'natural', 'consumer', 'human', 'b2c') THEN 'person'
    END AS said_type
  FROM cleaned
),
named AS (
  SELECT
    * REPLACE (CASE WHEN family_name IS NOT NULL THEN generation END AS generation),
    coalesce(
      given_name IS NULL AND family_name IS NULL AND said_type IS DISTINCT FROM 'person'
      AND (norm_has_legal_form(full_name) OR lower(full_name) = lower(company_name) OR (said_type = 'company' AND company_name IS NULL)),
      false) AS full_name_is_company
  FROM judged
),
divisible AS {kept} (
  SELECT
    * REPLACE (CASE WHEN full_name_is_company THEN coalesce(company_name, full_name) ELSE company_name END AS company_name),
    -- a full name is taken apart only where it may say more than the parts do, and not where it says that nobody is there
    CASE
      WHEN full_name_is_company OR (given_name IS NOT NULL AND family_name IS NOT NULL) THEN NULL
      WHEN lower(norm_without_generation(full_name)) = lower(concat_ws(' ', given_name, middle_name, family_name)) THEN NULL
      WHEN lower(full_name) NOT IN (SELECT word FROM normalise_word WHERE list = 'placeholder_name') THEN norm_raw(full_name)
    END AS to_split
  FROM named
)
SELECT *, coalesce(norm_splits_plainly(to_split), false) AS splits_plainly FROM divisible;
