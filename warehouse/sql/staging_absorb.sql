-- A record that its source merged into another keeps its match keys as evidence, and none of the values that could survive into golden.
UPDATE staging.party_record AS p SET
  merged_into = a.source_system || ':' || a.stream || ':' || a.merged_into,
  full_name = NULL, given_name = NULL, middle_name = NULL, family_name = NULL, name_suffix = NULL, company_name = NULL,
  email_raw = NULL, email_norm = NULL, email_status = 'missing', email_verified = NULL,
  phone_raw = NULL, phone_e164 = NULL, phone_status = 'missing',
  address_line1 = NULL, address_line2 = NULL, city = NULL, region = NULL, postal_code = NULL, locale = NULL,
  source_updated_at = NULL
FROM waiting_gone AS a
WHERE a.op = 'merge' AND p.record_key = a.source_system || ':' || a.stream || ':' || a.source_record_id
