-- The identifiers of consent signals as parties that have nothing else: {relation} is the signals.
CREATE OR REPLACE TEMP TABLE {target} AS
SELECT row_no::VARCHAR AS record_key, source_system, stream, source_record_id,
       NULL::VARCHAR AS party_type, NULL::VARCHAR AS record_role, NULL::VARCHAR AS legacy_id, NULL::VARCHAR AS full_name,
       NULL::VARCHAR AS given_name, NULL::VARCHAR AS middle_name, NULL::VARCHAR AS family_name, NULL::VARCHAR AS company_name,
       NULL::VARCHAR AS account_id,
       CASE WHEN contains(identifier, '@') THEN identifier END AS email, NULL::VARCHAR AS email_verified,
       CASE WHEN NOT contains(identifier, '@') THEN identifier END AS phone,
       NULL::VARCHAR AS address_line1, NULL::VARCHAR AS address_line2, NULL::VARCHAR AS city, NULL::VARCHAR AS region,
       NULL::VARCHAR AS postal_code, country, NULL::VARCHAR AS birth_date, NULL::VARCHAR AS tax_id, NULL::VARCHAR AS locale,
       NULL::VARCHAR AS is_test, NULL::VARCHAR AS created_at,
       $country::VARCHAR AS country_default, 'UTC' AS timezone, source_updated_at, sync_run_id, payload_hash
FROM {relation} WHERE identifier IS NOT NULL
