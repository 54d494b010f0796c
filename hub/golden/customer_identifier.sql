-- Every value by which a customer can be found, and which of them are golden.
CREATE OR REPLACE TABLE golden.customer_identifier AS
WITH identifier AS (
  SELECT o.customer_id, 'email' AS id_type, p.email_norm AS id_value, p.email_verified AS is_verified, p.source_system,
         p.source_created_at, p.source_updated_at
  FROM staging.party_record p JOIN owner_current o USING (record_key) WHERE p.email_norm IS NOT NULL
  UNION ALL
  SELECT o.customer_id, 'phone', p.phone_e164, NULL, p.source_system, p.source_created_at, p.source_updated_at
  FROM staging.party_record p JOIN owner_current o USING (record_key) WHERE p.phone_e164 IS NOT NULL
  UNION ALL
  SELECT o.customer_id, 'source_record', p.record_key, NULL, p.source_system, p.source_created_at, p.source_updated_at
  FROM staging.party_record p JOIN owner_current o USING (record_key)
  UNION ALL
  SELECT o.customer_id, 'legacy_id', p.legacy_id, NULL, p.source_system, p.source_created_at, p.source_updated_at
  FROM staging.party_record p JOIN owner_current o USING (record_key) WHERE p.legacy_id IS NOT NULL
  UNION ALL
  SELECT o.customer_id, 'tax_id', p.tax_id, NULL, p.source_system, p.source_created_at, p.source_updated_at
  FROM staging.party_record p JOIN owner_current o USING (record_key) WHERE p.tax_id IS NOT NULL
  UNION ALL
  -- what a steward wrote, so that a customer is found by the value that is shown
  SELECT customer_id, CASE attribute WHEN 'phone_e164' THEN 'phone' ELSE attribute END, value, NULL, source_system, source_updated_at,
         source_updated_at
  FROM golden.customer_attribute
  WHERE is_winner AND survivorship_rule = 'override_set' AND attribute IN ('email', 'phone_e164', 'tax_id')
)
SELECT i.customer_id, i.id_type, i.id_value,
       bool_or(i.id_value IN (c.email, c.phone_e164, c.tax_id)) IS TRUE AS is_primary,
       bool_or(i.is_verified) AS is_verified,
       list_sort(list(DISTINCT i.source_system)) AS source_systems,
       min(i.source_created_at) AS first_seen_at, max(i.source_updated_at) AS last_seen_at
FROM identifier i JOIN golden.customer c USING (customer_id)
GROUP BY i.customer_id, i.id_type, i.id_value;
