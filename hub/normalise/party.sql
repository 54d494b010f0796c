-- Last step: the columns of staging.party_record, in its order. Display values keep the source's spelling, keys are folded.
WITH text AS {kept} (
  SELECT
    p.*,
    e.norm_value AS learnt_email, e.match_key AS learnt_mailbox, e.status AS learnt_email_status,
    t.norm_value AS learnt_phone, t.status AS learnt_phone_status,
    coalesce(cg.norm_value, p.given_name) AS shown_given,
    coalesce(cm.norm_value, p.middle_name) AS shown_middle,
    coalesce(cf.norm_value, p.family_name) AS shown_family,
    CASE WHEN NOT p.full_name_is_company THEN cn.norm_value END AS full_in_case,
    coalesce(fg.norm_value, lower(p.given_name)) AS given_fold,
    coalesce(fm.norm_value, lower(p.middle_name)) AS middle_fold,
    coalesce(ff.norm_value, lower(p.family_name)) AS family_fold,
    coalesce(fo.norm_value, lower(p.company_base)) AS company_fold,
    coalesce(fc.norm_value, lower(p.city)) AS city_fold,
    norm_without_unit(coalesce(f1.norm_value, lower(p.address_line1))) AS line1_fold,
    norm_without_unit(coalesce(f2.norm_value, lower(p.address_line2))) AS line2_fold,
    coalesce(fp.norm_value, lower(p.postal_code)) AS postal_fold,
    norm_untagged(norm_before_at(p.plain_email)) AS plain_user,
    norm_after_at(p.plain_email) AS plain_host,
    norm_birth_date(p.birth_date) AS birth_day
  FROM normalise_parts p
  LEFT JOIN normalise_known e ON e.id_type = 'email' AND e.raw_value = CASE WHEN p.plain_email IS NULL THEN norm_raw(p.email) END
  LEFT JOIN normalise_known t ON t.id_type = 'phone' AND t.region_hint = p.phone_region
    AND t.raw_value = CASE WHEN p.plain_phone IS NULL THEN norm_raw(p.phone) END
  LEFT JOIN normalise_known cg ON cg.id_type = 'case' AND cg.raw_value = norm_caseless(p.given_name, p.is_shouted)
  LEFT JOIN normalise_known cm ON cm.id_type = 'case' AND cm.raw_value = norm_caseless(p.middle_name, p.is_shouted)
  LEFT JOIN normalise_known cf ON cf.id_type = 'case' AND cf.raw_value = norm_caseless(p.family_name, p.is_shouted)
  LEFT JOIN normalise_known cn ON cn.id_type = 'case' AND cn.raw_value = norm_caseless(p.full_name, p.is_shouted)
  LEFT JOIN normalise_known fg ON fg.id_type = 'fold' AND fg.raw_value = norm_foreign(p.given_name)
  LEFT JOIN normalise_known fm ON fm.id_type = 'fold' AND fm.raw_value = norm_foreign(p.middle_name)
  LEFT JOIN normalise_known ff ON ff.id_type = 'fold' AND ff.raw_value = norm_foreign(p.family_name)
  LEFT JOIN normalise_known fo ON fo.id_type = 'fold' AND fo.raw_value = norm_foreign(p.company_base)
  LEFT JOIN normalise_known fc ON fc.id_type = 'fold' AND fc.raw_value = norm_foreign(p.city)
  LEFT JOIN normalise_known f1 ON f1.id_type = 'fold' AND f1.raw_value = norm_foreign(p.address_line1)
  LEFT JOIN normalise_known f2 ON f2.id_type = 'fold' AND f2.raw_value = norm_foreign(p.address_line2)
  LEFT JOIN normalise_known fp ON fp.id_type = 'fold' AND fp.raw_value = norm_foreign(p.postal_code)
),
worded AS (
  SELECT
    *,
    norm_street_words(line1_fold) AS line1_words,
    norm_street_words(line2_fold) AS line2_words,
    -- a word such as Guest is a placeholder unless the other part of the name is a real one
    lower(shown_given) IN (SELECT word FROM normalise_word WHERE list = 'placeholder_name') AS given_is_weak,
    lower(shown_family) IN (SELECT word FROM normalise_word WHERE list = 'placeholder_name') AS family_is_weak,
    norm_function(plain_user) IN (SELECT word FROM normalise_word WHERE list = 'junk_local')
      OR plain_user IN (SELECT word FROM normalise_word WHERE list = 'placeholder')
      OR norm_is_junk_host(plain_host) AS plain_is_junk
  FROM text
),
judged AS {kept} (
  SELECT
    *,
    CASE WHEN norm_is_street(line1_words) THEN line1_words WHEN norm_is_street(line2_words) THEN line2_words END AS street_words,
    CASE
      WHEN email IS NULL THEN 'missing'
      WHEN plain_email IS NULL THEN learnt_email_status
      WHEN plain_is_junk THEN 'junk'
      ELSE 'valid'
    END AS email_status,
    coalesce(learnt_mailbox, CASE WHEN NOT plain_is_junk THEN norm_mailbox(plain_user, plain_host) END) AS email_key,
    CASE WHEN phone IS NULL THEN 'missing' WHEN plain_phone IS NULL THEN learnt_phone_status ELSE 'valid' END AS phone_status,
    coalesce(plain_phone, learnt_phone) AS phone_e164,
    coalesce(norm_is_plausible_birth(birth_day), false) AS birth_is_valid,
    coalesce(own_country, CASE WHEN country IS NULL AND coalesce(address_line1, city, postal_code, region) IS NOT NULL THEN country_default END)
      AS country_code
  FROM worded
),
keyed AS (
  SELECT
    *,
    CASE WHEN given_is_weak AND coalesce(family_is_weak, true) THEN NULL ELSE norm_letters(given_fold) END AS given_key,
    CASE WHEN family_is_weak AND coalesce(given_is_weak, true) THEN NULL ELSE norm_letters(family_fold) END AS family_key,
    norm_before_at(email_key) AS mailbox_local,
    coalesce(plain_user, norm_untagged(norm_before_at(learnt_email))) AS untagged_local,
    norm_house_number(street_words) AS house_number
  FROM judged
),
roled AS (
  SELECT
    *,
    norm_street_name(street_words, house_number) AS street_name,
    coalesce(email_status = 'valid' AND norm_function(untagged_local) IN (SELECT word FROM normalise_word WHERE list = 'role_local'), false)
      AS email_is_role
  FROM keyed
)
SELECT
  record_key, source_system, stream, source_record_id, legacy_id, account_id,
  CASE
    WHEN said_type IS NOT NULL THEN said_type
    WHEN given_key IS NOT NULL OR family_key IS NOT NULL THEN 'person'
    WHEN company_name IS NOT NULL THEN 'company'
    ELSE 'unknown'
  END AS party_type,
  coalesce(record_role, 'customer') AS record_role,
  coalesce(full_in_case, full_name, nullif(concat_ws(' ', shown_given, shown_middle, shown_family, name_suffix), '')) AS full_name,
  shown_given AS given_name,
  shown_middle AS middle_name,
  shown_family AS family_name,
  name_suffix,
  company_name,
  email AS email_raw,
  CASE WHEN email_status = 'valid' THEN coalesce(plain_email, learnt_email) END AS email_norm,
  email_status,
  CASE WHEN email_status <> 'valid' THEN NULL
       WHEN email_verified IN ('true', 't', '1', 'yes', 'y', 'on') THEN true
       WHEN email_verified IN ('false', 'f', '0', 'no', 'n', 'off') THEN false END AS email_verified,
  phone AS phone_raw,
  phone_e164,
  phone_status,
  address_line1, address_line2, city, region, postal_code, country_code,
  CASE WHEN birth_is_valid THEN birth_day END AS birth_date,
  CASE WHEN birth_date IS NULL THEN 'missing' WHEN birth_is_valid THEN 'valid' ELSE 'invalid' END AS birth_date_status,
  tax_id, locale,
  given_key,
  CASE WHEN given_key IS NOT NULL THEN norm_letters(middle_fold) END AS middle_key,
  family_key,
  norm_company_key(company_fold) AS company_key,
  email_key,
  CASE WHEN NOT email_is_role THEN mailbox_local END AS email_local,
  email_is_role,
  substr(phone_e164, 2) AS phone_key,
  norm_street_key(house_number, street_name) AS street_key,
  norm_city(city_fold) AS city_key,
  norm_postal_code(postal_fold, country_code) AS postal_key,
  false AS is_deleted,
  coalesce(is_test IN ('true', 't', '1', 'yes', 'y', 'on'), false) AS is_test,
  norm_time(created_at, timezone) AS source_created_at,
  source_updated_at,
  sync_run_id,
  payload_hash
FROM roled
