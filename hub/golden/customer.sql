-- Everything a customer did, dated: for first seen, last activity and lifecycle.
CREATE OR REPLACE TEMP TABLE activity AS
SELECT customer_id, ordered_at AS occurred_at, 'order' AS kind FROM golden.customer_order WHERE customer_id IS NOT NULL AND NOT is_test
UNION ALL
SELECT customer_id, issued_at, 'invoice' FROM golden.invoice WHERE customer_id IS NOT NULL AND NOT is_test
UNION ALL
SELECT customer_id, paid_at, 'payment' FROM golden.payment WHERE customer_id IS NOT NULL AND NOT is_test
UNION ALL
SELECT customer_id, opened_at, 'ticket' FROM golden.ticket WHERE customer_id IS NOT NULL AND NOT is_test
UNION ALL
SELECT customer_id, submitted_at, 'lead' FROM golden.lead WHERE customer_id IS NOT NULL AND NOT is_test;

-- The first touch that names a source: a lead form, or an order that came with UTM parameters or a click ID.
CREATE OR REPLACE TEMP TABLE first_touch AS
WITH touch AS (
  SELECT l.customer_id, l.submitted_at AS occurred_at, l.lead_key AS ref,
         CASE l.platform WHEN 'google_ads' THEN 'google' WHEN 'meta' THEN 'facebook' ELSE l.platform END AS source,
         'cpc' AS medium, coalesce(c.campaign_name, l.campaign_id) AS campaign
  FROM golden.lead l LEFT JOIN golden.ad_campaign c USING (campaign_key)
  WHERE l.customer_id IS NOT NULL AND NOT l.is_test
  UNION ALL
  SELECT customer_id, ordered_at, order_key,
         coalesce(utm_source, CASE WHEN click_id_type IN ('gclid', 'gbraid', 'wbraid') THEN 'google'
                                   WHEN click_id_type = 'fbclid' THEN 'facebook' WHEN click_id_type = 'msclkid' THEN 'bing'
                                   WHEN click_id_type = 'ttclid' THEN 'tiktok' WHEN click_id_type = 'li_fat_id' THEN 'linkedin'
                                   WHEN click_id_type = 'twclid' THEN 'x' WHEN click_id_type = 'rdt_cid' THEN 'reddit'
                                   WHEN click_id_type = 'epik' THEN 'pinterest' WHEN click_id_type = 'ScCid' THEN 'snapchat' END),
         -- Facebook marks every link that leaves it, paid or not
         coalesce(utm_medium, CASE WHEN click_id_type <> 'fbclid' THEN 'cpc' END),
         utm_campaign
  FROM golden.customer_order
  WHERE customer_id IS NOT NULL AND NOT is_test
)
SELECT * FROM touch WHERE source IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY occurred_at, ref) = 1;

CREATE OR REPLACE TABLE golden.customer AS
WITH member AS (
  SELECT o.customer_id,
         CASE WHEN bool_or(p.party_type = 'person') THEN 'person' WHEN bool_or(p.party_type = 'company') THEN 'company'
              ELSE 'unknown' END AS party_type,
         list_sort(list(DISTINCT p.source_system)) AS source_systems,
         count(*) AS source_record_count,
         min(p.source_created_at) AS first_record_at,
         bool_and(p.is_test) AS is_test
  FROM staging.party_record p JOIN owner_current o USING (record_key)
  GROUP BY o.customer_id
), known AS (
  SELECT customer_id FROM member
  UNION SELECT customer_id FROM golden.customer_order UNION SELECT customer_id FROM golden.order_line
  UNION SELECT customer_id FROM golden.invoice UNION SELECT customer_id FROM golden.payment
  UNION SELECT customer_id FROM golden.refund UNION SELECT customer_id FROM golden.ticket
  UNION SELECT customer_id FROM golden.lead UNION SELECT customer_id FROM consent_owner
), winner AS (
  SELECT customer_id,
         max(value) FILTER (attribute = 'full_name') AS full_name,
         max(value) FILTER (attribute = 'given_name') AS given_name,
         max(value) FILTER (attribute = 'middle_name') AS middle_name,
         max(value) FILTER (attribute = 'family_name') AS family_name,
         max(value) FILTER (attribute = 'name_suffix') AS name_suffix,
         max(value) FILTER (attribute = 'company_name') AS company_name,
         max(value) FILTER (attribute = 'email') AS email,
         max(value) FILTER (attribute = 'phone_e164') AS phone_e164,
         max(value) FILTER (attribute = 'address_line1') AS address_line1,
         max(value) FILTER (attribute = 'address_line2') AS address_line2,
         max(value) FILTER (attribute = 'city') AS city,
         max(value) FILTER (attribute = 'region') AS region,
         max(value) FILTER (attribute = 'postal_code') AS postal_code,
         max(value) FILTER (attribute = 'country_code') AS country_code,
         max(value) FILTER (attribute = 'birth_date')::DATE AS birth_date,
         max(value) FILTER (attribute = 'tax_id') AS tax_id,
         max(value) FILTER (attribute = 'locale') AS locale
  FROM golden.customer_attribute WHERE is_winner GROUP BY customer_id
), did AS (
  SELECT customer_id, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
         bool_or(kind IN ('order', 'invoice', 'payment')) AS has_bought, bool_or(kind = 'lead') AS has_asked,
         min(occurred_at) FILTER (kind IN ('order', 'invoice', 'payment', 'lead')) AS acquired_at
  FROM activity GROUP BY customer_id
), ticketed AS (
  SELECT customer_id, count(*) FILTER (is_open) AS open_tickets
  FROM golden.ticket WHERE customer_id IS NOT NULL AND NOT is_test GROUP BY customer_id
), against AS (
  -- what nobody may be contacted by: what somebody denied, or any channel of whom the hub must leave alone
  SELECT DISTINCT identifier, channel FROM golden.consent WHERE is_denial AND identifier IS NOT NULL
  UNION
  SELECT identifier, 'all' FROM suppressed
), denial AS (
  -- of whose records it is, and of everybody who can be reached by what it is about
  SELECT customer_id, channel FROM golden.consent WHERE is_denial
  UNION ALL
  SELECT o.customer_id, a.channel FROM against a
  JOIN staging.party_record p ON p.email_norm = a.identifier JOIN owner_current o USING (record_key)
  UNION ALL
  SELECT o.customer_id, a.channel FROM against a
  JOIN staging.party_record p ON p.phone_e164 = a.identifier JOIN owner_current o USING (record_key)
  UNION ALL
  SELECT w.customer_id, a.channel FROM against a JOIN winner w ON w.email = a.identifier
  UNION ALL
  SELECT w.customer_id, a.channel FROM against a JOIN winner w ON w.phone_e164 = a.identifier
), denied AS (
  SELECT customer_id, bool_or(channel IN ('email', 'all')) AS email, bool_or(channel IN ('sms', 'all')) AS sms,
         bool_or(channel IN ('call', 'all')) AS call
  FROM denial WHERE customer_id IS NOT NULL GROUP BY customer_id
), granted AS (
  SELECT identifier, bool_or(channel IN ('email', 'all')) AS email, bool_or(channel IN ('sms', 'all')) AS sms,
         bool_or(channel IN ('call', 'all')) AS call
  FROM golden.consent WHERE is_grant GROUP BY identifier
), trust AS (
  SELECT customer_id, min(match_probability) AS confidence
  FROM identity.customer_xref WHERE is_current GROUP BY customer_id
)
SELECT k.customer_id,
       CASE WHEN m.customer_id IS NOT NULL THEN 'active' WHEN e.customer_id IS NOT NULL THEN 'erased' ELSE 'retired' END AS status,
       coalesce(m.party_type, 'unknown') AS party_type,
       CASE WHEN d.has_bought THEN 'customer' WHEN d.has_asked THEN 'lead' ELSE 'contact' END AS lifecycle_stage,
       coalesce(w.full_name, nullif(concat_ws(' ', w.given_name, w.middle_name, w.family_name, w.name_suffix), '')) AS full_name,
       w.given_name, w.middle_name, w.family_name, w.name_suffix, w.company_name, a.account_customer_id, a.account_rule, w.email, w.phone_e164,
       w.address_line1, w.address_line2, w.city, w.region, w.postal_code, w.country_code, w.birth_date, w.tax_id, w.locale,
       coalesce(m.source_systems, []) AS source_systems,
       coalesce(m.source_record_count, 0) AS source_record_count,
       least(m.first_record_at, d.first_at) AS first_seen_at,
       greatest(m.first_record_at, d.last_at) AS last_activity_at,
       coalesce(t.open_tickets, 0) AS open_tickets,
       f.source AS acquisition_source, f.medium AS acquisition_medium, f.campaign AS acquisition_campaign, d.acquired_at,
       -- by the very address or number that is shown, and against no denial of any of theirs
       w.email IS NOT NULL AND coalesce(ge.email, false) AND NOT coalesce(n.email, false) AS can_email,
       w.phone_e164 IS NOT NULL AND coalesce(gp.sms, false) AND NOT coalesce(n.sms, false) AS can_sms,
       w.phone_e164 IS NOT NULL AND coalesce(gp.call, false) AND NOT coalesce(n.call, false) AS can_call,
       round(((w.email IS NOT NULL)::INT + (w.phone_e164 IS NOT NULL)::INT + (w.full_name IS NOT NULL OR w.family_name IS NOT NULL
         OR w.company_name IS NOT NULL)::INT + (w.address_line1 IS NOT NULL)::INT + (w.country_code IS NOT NULL)::INT) / 5.0, 2)::DOUBLE
         AS completeness,
       coalesce(t2.confidence, 1.0) AS confidence,
       coalesce(m.is_test, false) AS is_test
FROM (FROM known WHERE customer_id IS NOT NULL) k
LEFT JOIN member m USING (customer_id)
LEFT JOIN winner w USING (customer_id)
LEFT JOIN did d USING (customer_id)
LEFT JOIN ticketed t USING (customer_id)
LEFT JOIN first_touch f USING (customer_id)
LEFT JOIN trust t2 USING (customer_id)
LEFT JOIN denied n USING (customer_id)
LEFT JOIN granted ge ON ge.identifier = w.email
LEFT JOIN granted gp ON gp.identifier = w.phone_e164
LEFT JOIN customer_account a USING (customer_id)
LEFT JOIN (SELECT customer_id FROM identity.customer_registry WHERE status = 'erased') e USING (customer_id);
