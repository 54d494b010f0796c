-- What Meta's fields mean. Money is decimal text in the account's currency, and so are counts. IDs of accounts come without act_.

-- stage: ad_spend_daily -> ad_spend_daily
-- One purchase stands in actions under several types (all of them under omni_purchase, the pixel's part under a type of its own),
-- and so does a lead: of each, the widest type that is there counts. A sum over types would count one event many times.
WITH spend AS (
  SELECT source_record_id, from_json(payload, '{
    "account_id": "VARCHAR", "account_currency": "VARCHAR", "campaign_id": "VARCHAR", "adset_id": "VARCHAR", "ad_id": "VARCHAR",
    "date_start": "VARCHAR", "spend": "VARCHAR", "impressions": "VARCHAR", "clicks": "VARCHAR",
    "actions": [{"action_type": "VARCHAR", "value": "VARCHAR"}],
    "action_values": [{"action_type": "VARCHAR", "value": "VARCHAR"}]}') AS s
  FROM src
), lists AS (
  SELECT source_record_id, s,
    list_transform(s.actions, lambda x: x.action_type) AS action_types,
    list_transform(s.actions, lambda x: x.value) AS counts,
    list_transform(s.action_values, lambda x: x.action_type) AS value_types,
    list_transform(s.action_values, lambda x: x.value) AS worths
  FROM spend
), claimed AS (
  SELECT source_record_id, s,
    TRY_CAST(coalesce(
      counts[list_position(action_types, 'omni_purchase')],
      counts[list_position(action_types, 'purchase')],
      counts[list_position(action_types, 'offsite_conversion.fb_pixel_purchase')]) AS DECIMAL(18, 4)) AS purchases,
    TRY_CAST(coalesce(
      counts[list_position(action_types, 'lead')],
      counts[list_position(action_types, 'onsite_conversion.lead_grouped')],
      counts[list_position(action_types, 'offsite_conversion.fb_pixel_lead')]) AS DECIMAL(18, 4)) AS leads,
    TRY_CAST(coalesce(
      worths[list_position(value_types, 'omni_purchase')],
      worths[list_position(value_types, 'purchase')],
      worths[list_position(value_types, 'offsite_conversion.fb_pixel_purchase')]) AS DECIMAL(18, 4)) AS worth
  FROM lists
)
SELECT
  source_record_id,
  'meta' AS platform,
  s.account_id,
  s.campaign_id,
  s.adset_id AS ad_group_id,
  s.ad_id,
  s.date_start AS date_day,
  s.account_currency AS currency,
  s.spend,
  s.impressions,
  s.clicks,
  -- Meta leaves actions out where there were none, and types out that did not happen
  CASE WHEN s.actions IS NOT NULL THEN CAST(coalesce(purchases, 0) + coalesce(leads, 0) AS VARCHAR) END AS platform_conversions,
  CAST(worth AS VARCHAR) AS platform_conversion_value
FROM claimed;

-- stage: leads -> lead
-- Which account a lead's ad belongs to is not told: a page's forms may be used by the ads of several.
WITH doc AS (
  SELECT source_record_id, from_json(payload, '{
    "campaign_id": "VARCHAR", "adset_id": "VARCHAR", "ad_id": "VARCHAR", "form_id": "VARCHAR", "platform": "VARCHAR",
    "created_time": "VARCHAR", "is_test": "VARCHAR"}') AS l
  FROM src
)
SELECT
  source_record_id,
  source_record_id AS party_id,
  'leads' AS party_stream,
  'meta' AS platform,
  l.campaign_id,
  l.adset_id AS ad_group_id,
  l.ad_id,
  l.form_id,
  l.platform AS lead_source,
  l.created_time AS submitted_at,
  l.is_test,
  l.created_time AS created_at
FROM doc;

-- stage: leads -> party_record
WITH doc AS (
  SELECT source_record_id, from_json(payload, '{
    "created_time": "VARCHAR", "is_test": "VARCHAR", "field_data": [{"name": "VARCHAR", "values": ["VARCHAR"]}],
    "questions": [{"key": "VARCHAR", "type": "VARCHAR"}]}') AS l
  FROM src
), asks AS (
  -- in a form of another language the key of a question is a word of that language, and its type says what it asks for
  SELECT source_record_id, l, list_transform(l.questions, lambda x: x.key) AS keys,
    list_transform(l.questions, lambda x: CASE x.type WHEN 'PHONE' THEN 'phone_number' WHEN 'PHONE_OTP' THEN 'phone_number'
      WHEN 'ZIP' THEN 'zip_code' WHEN 'DOB' THEN 'date_of_birth' ELSE lower(x.type) END) AS asked
  FROM doc
), answers AS (
  -- questions and answers side by side; the first answer stands where a question has several
  SELECT source_record_id, l.created_time, l.is_test,
    list_transform(l.field_data, lambda x: coalesce(asked[list_position(keys, x.name)], lower(x.name))) AS q,
    list_transform(l.field_data, lambda x: nullif(trim(x.values[1]), '')) AS a
  FROM asks
)
SELECT
  source_record_id,
  'lead' AS record_role,
  a[list_position(q, 'full_name')] AS full_name,
  a[list_position(q, 'first_name')] AS given_name,
  a[list_position(q, 'last_name')] AS family_name,
  a[list_position(q, 'company_name')] AS company_name,
  coalesce(a[list_position(q, 'email')], a[list_position(q, 'work_email')]) AS email,
  coalesce(a[list_position(q, 'phone_number')], a[list_position(q, 'work_phone_number')]) AS phone,
  a[list_position(q, 'street_address')] AS address_line1,
  a[list_position(q, 'city')] AS city,
  coalesce(a[list_position(q, 'state')], a[list_position(q, 'province')]) AS region,
  coalesce(a[list_position(q, 'post_code')], a[list_position(q, 'zip_code')]) AS postal_code,
  a[list_position(q, 'country')] AS country,
  a[list_position(q, 'date_of_birth')] AS birth_date,
  is_test,
  created_time AS created_at
FROM answers;

-- stage: leads -> consent
-- The boxes of a form's own disclaimer. What a box is for only the form's owner knows, so that its key is the purpose; see
-- consent.purposes. A box left empty is nobody's word.
WITH doc AS (
  SELECT source_record_id, from_json(payload, '{
    "created_time": "VARCHAR", "is_test": "VARCHAR", "form_id": "VARCHAR", "field_data": [{"name": "VARCHAR", "values": ["VARCHAR"]}],
    "questions": [{"key": "VARCHAR", "type": "VARCHAR"}], "custom_disclaimer_responses": [{"checkbox_key": "VARCHAR", "is_checked": "VARCHAR"}]}') AS l
  FROM src
), asks AS (
  SELECT source_record_id, l, list_transform(l.questions, lambda x: x.key) AS keys,
    list_transform(l.questions, lambda x: CASE x.type WHEN 'PHONE' THEN 'phone_number' WHEN 'PHONE_OTP' THEN 'phone_number'
      WHEN 'ZIP' THEN 'zip_code' WHEN 'DOB' THEN 'date_of_birth' ELSE lower(x.type) END) AS asked
  FROM doc
), answers AS (
  SELECT source_record_id, l,
    list_transform(l.field_data, lambda x: coalesce(asked[list_position(keys, x.name)], lower(x.name))) AS q,
    list_transform(l.field_data, lambda x: nullif(trim(x.values[1]), '')) AS a
  FROM asks
), reached AS (
  SELECT source_record_id, l,
    coalesce(a[list_position(q, 'email')], a[list_position(q, 'work_email')]) AS email,
    coalesce(a[list_position(q, 'phone_number')], a[list_position(q, 'work_phone_number')]) AS phone,
    a[list_position(q, 'country')] AS country
  FROM answers
), boxes AS (
  SELECT *, unnest(l.custom_disclaimer_responses) AS box FROM reached
)
SELECT
  source_record_id,
  source_record_id AS party_id,
  'leads' AS party_stream,
  box.checkbox_key || ':' || way.channel AS signal,
  box.checkbox_key AS purpose,
  way.channel AS channel,
  way.identifier AS identifier,
  country,
  CASE WHEN box.is_checked IN ('1', 'true') THEN 'granted' ELSE 'not_given' END AS status,
  'consent' AS legal_basis,
  l.created_time AS captured_at,
  'Meta form ' || coalesce(l.form_id, '?') || ': ' || box.checkbox_key AS evidence,
  l.is_test
FROM boxes, unnest([
  {'channel': 'email', 'identifier': email}, {'channel': 'sms', 'identifier': phone}, {'channel': 'call', 'identifier': phone}
]) AS ways(way)
WHERE box.checkbox_key IS NOT NULL AND way.identifier IS NOT NULL;

-- stage: campaigns -> ad_campaign
WITH doc AS (
  SELECT source_record_id, from_json(payload, '{
    "id": "VARCHAR", "account_id": "VARCHAR", "name": "VARCHAR", "effective_status": "VARCHAR", "created_time": "VARCHAR",
    "account": {"currency": "VARCHAR", "timezone_name": "VARCHAR"}}') AS c
  FROM src
)
SELECT
  source_record_id,
  'meta' AS platform,
  c.account_id,
  c.id AS campaign_id,
  c.name AS campaign_name,
  lower(c.effective_status) AS status,
  c.account.currency AS currency,
  c.account.timezone_name AS timezone,
  c.created_time AS created_at
FROM doc;

-- stage: ad_groups -> ad_group
WITH doc AS (
  SELECT source_record_id, from_json(payload, '{
    "id": "VARCHAR", "account_id": "VARCHAR", "campaign_id": "VARCHAR", "name": "VARCHAR", "effective_status": "VARCHAR",
    "created_time": "VARCHAR"}') AS g
  FROM src
)
SELECT
  source_record_id,
  'meta' AS platform,
  g.account_id,
  g.campaign_id,
  g.id AS ad_group_id,
  g.name AS ad_group_name,
  lower(g.effective_status) AS status,
  g.created_time AS created_at
FROM doc;

-- stage: ads -> ad
WITH doc AS (
  SELECT source_record_id, from_json(payload, '{
    "id": "VARCHAR", "account_id": "VARCHAR", "campaign_id": "VARCHAR", "adset_id": "VARCHAR", "name": "VARCHAR",
    "effective_status": "VARCHAR", "creative": {"url_tags": "VARCHAR"}, "created_time": "VARCHAR"}') AS a
  FROM src
)
SELECT
  source_record_id,
  'meta' AS platform,
  a.account_id,
  a.campaign_id,
  a.adset_id AS ad_group_id,
  a.id AS ad_id,
  a.name AS ad_name,
  -- what a click's address is given besides; the address itself is of the post behind the ad
  '?' || nullif(ltrim(a.creative.url_tags, '?&'), '') AS landing_url,
  lower(a.effective_status) AS status,
  a.created_time AS created_at
FROM doc;
