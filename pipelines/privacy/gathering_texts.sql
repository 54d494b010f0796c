-- By which texts people could be known who are to be erased; `erasing_named` (record_key) says whose. gathering.sql has run.
CREATE OR REPLACE TEMP TABLE erasing_named_owner AS
SELECT DISTINCT r.current_customer_id AS customer_id
FROM {live}.identity.customer_xref x JOIN {live}.identity.customer_registry r USING (customer_id)
WHERE x.record_key IN (SELECT record_key FROM erasing_named) AND r.current_customer_id IN (SELECT customer_id FROM erasing_owner);

CREATE OR REPLACE TEMP TABLE erasing_said AS
WITH said AS (
  SELECT unnest([full_name, concat_ws(' ', given_name, family_name), CASE WHEN email_norm IS NOT NULL THEN email_raw END, email_norm,
                 CASE WHEN phone_e164 IS NOT NULL THEN phone_raw END, phone_e164, address_line1, tax_id,
                 CASE WHEN party_type = 'company' THEN company_name END]) AS text
  FROM staging.party_record SEMI JOIN erasing_named USING (record_key)
  UNION ALL
  SELECT id_value FROM {live}.golden.customer_identifier
  WHERE customer_id IN (SELECT customer_id FROM erasing_named_owner) AND id_type IN ('email', 'phone', 'tax_id')
  UNION ALL
  SELECT value FROM {live}.golden.customer_attribute
  WHERE record_key IN (SELECT record_key FROM erasing_named) AND attribute IN ('full_name', 'email', 'phone_e164', 'address_line1', 'tax_id')
  UNION ALL
  SELECT unnest([snapshot ->> 'full_name', snapshot ->> 'email', snapshot ->> 'phone_e164', snapshot ->> 'address_line1',
                 snapshot ->> 'tax_id'])
  FROM {live}.golden.customer_history WHERE customer_id IN (SELECT customer_id FROM erasing_named_owner)
)
-- one word alone, such as Customer, tells nobody from others
SELECT DISTINCT lower(trim(text)) AS text FROM said WHERE length(trim(text)) >= $shortest AND regexp_matches(trim(text), '[\s\d@]');

-- what others have as well says nothing of them, and stays with the others; so does what theirs are compared by, as max@own.example is
-- kept of who has max+shop@own.example
CREATE OR REPLACE TEMP TABLE erasing_text AS
SELECT text FROM erasing_said t
WHERE NOT EXISTS (
  FROM (SELECT lower(concat_ws(chr(10), full_name, concat_ws(' ', given_name, family_name), email_raw, email_norm, phone_raw, phone_e164,
                               address_line1, tax_id, company_name, email_key, phone_key, street_key)) AS held
        FROM staging.party_record ANTI JOIN erasing USING (record_key)) p
  WHERE contains(p.held, t.text));
