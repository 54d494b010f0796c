-- Google Ads -> canonical columns. Money comes in millionths of the account's currency, whole numbers as text (proto3 JSON).

-- stage: ad_spend_daily -> ad_spend_daily
WITH spend AS (
  SELECT source_record_id, from_json(payload, '{
    "customer": {"id": "VARCHAR", "currencyCode": "VARCHAR"}, "campaign": {"id": "VARCHAR"}, "segments": {"date": "VARCHAR"},
    "metrics": {"costMicros": "VARCHAR", "impressions": "VARCHAR", "clicks": "VARCHAR", "conversions": "VARCHAR",
                "conversionsValue": "VARCHAR"}}') AS s
  FROM src
)
SELECT
  source_record_id,
  'google_ads' AS platform,
  s.customer.id AS account_id,
  s.campaign.id AS campaign_id,
  s.segments.date AS date_day,
  s.customer.currencyCode AS currency,
  -- a product of decimals is exact, a quotient is not
  CAST(TRY_CAST(s.metrics.costMicros AS DECIMAL(18, 0)) * CAST(0.000001 AS DECIMAL(7, 6)) AS VARCHAR) AS spend,
  s.metrics.impressions,
  s.metrics.clicks,
  s.metrics.conversions AS platform_conversions,
  s.metrics.conversionsValue AS platform_conversion_value
FROM spend;

-- stage: leads -> lead
WITH leads AS (
  SELECT source_record_id, from_json(payload, '{
    "customer": {"id": "VARCHAR"},
    "leadFormSubmissionData": {"campaign": "VARCHAR", "adGroup": "VARCHAR", "adGroupAd": "VARCHAR", "asset": "VARCHAR",
                               "gclid": "VARCHAR", "submissionDateTime": "VARCHAR"}}') AS l
  FROM src
), data AS (
  SELECT source_record_id, l.customer.id AS account_id, l.leadFormSubmissionData AS d FROM leads
)
SELECT
  source_record_id,
  source_record_id AS party_id,
  'leads' AS party_stream,
  'google_ads' AS platform,
  account_id,
  -- resource names: customers/1/campaigns/2, customers/1/adGroupAds/3~4
  nullif(regexp_extract(d.campaign, '/(\d+)$', 1), '') AS campaign_id,
  nullif(regexp_extract(d.adGroup, '/(\d+)$', 1), '') AS ad_group_id,
  nullif(regexp_extract(d.adGroupAd, '~(\d+)$', 1), '') AS ad_id,
  nullif(regexp_extract(d.asset, '/(\d+)$', 1), '') AS form_id,
  CASE WHEN nullif(d.gclid, '') IS NOT NULL THEN 'gclid' END AS click_id_type,
  nullif(d.gclid, '') AS click_id,
  'lead_form' AS lead_source,
  d.submissionDateTime AS submitted_at,
  d.submissionDateTime AS created_at
FROM data;

-- stage: leads -> party_record
WITH leads AS (
  SELECT source_record_id, from_json(payload, '{
    "leadFormSubmissionData": {"submissionDateTime": "VARCHAR",
                               "leadFormSubmissionFields": [{"fieldType": "VARCHAR", "fieldValue": "VARCHAR"}]}}') AS l
  FROM src
), fields AS (
  SELECT source_record_id, l.leadFormSubmissionData.submissionDateTime AS submitted, l.leadFormSubmissionData.leadFormSubmissionFields AS f
  FROM leads
), answers AS (
  -- questions and answers side by side; the first answer stands where a question comes twice
  SELECT source_record_id, submitted, list_transform(f, lambda x: x.fieldType) AS q, list_transform(f, lambda x: x.fieldValue) AS a
  FROM fields
)
SELECT
  source_record_id,
  'lead' AS record_role,
  a[list_position(q, 'FULL_NAME')] AS full_name,
  a[list_position(q, 'FIRST_NAME')] AS given_name,
  a[list_position(q, 'LAST_NAME')] AS family_name,
  a[list_position(q, 'COMPANY_NAME')] AS company_name,
  coalesce(a[list_position(q, 'EMAIL')], a[list_position(q, 'WORK_EMAIL')]) AS email,
  coalesce(a[list_position(q, 'PHONE_NUMBER')], a[list_position(q, 'WORK_PHONE')]) AS phone,
  a[list_position(q, 'STREET_ADDRESS')] AS address_line1,
  a[list_position(q, 'CITY')] AS city,
  a[list_position(q, 'REGION')] AS region,
  a[list_position(q, 'POSTAL_CODE')] AS postal_code,
  a[list_position(q, 'COUNTRY')] AS country,
  submitted AS created_at
FROM answers;

-- stage: campaigns -> ad_campaign
WITH campaigns AS (
  SELECT source_record_id, from_json(payload, '{
    "customer": {"id": "VARCHAR", "currencyCode": "VARCHAR", "timeZone": "VARCHAR"},
    "campaign": {"id": "VARCHAR", "name": "VARCHAR", "status": "VARCHAR"}}') AS c
  FROM src
)
SELECT
  source_record_id,
  'google_ads' AS platform,
  c.customer.id AS account_id,
  c.campaign.id AS campaign_id,
  c.campaign.name AS campaign_name,
  lower(c.campaign.status) AS status,
  c.customer.currencyCode AS currency,
  c.customer.timeZone AS timezone
FROM campaigns;

-- stage: ad_groups -> ad_group
WITH ad_groups AS (
  SELECT source_record_id, from_json(payload, '{
    "customer": {"id": "VARCHAR"}, "campaign": {"id": "VARCHAR"},
    "adGroup": {"id": "VARCHAR", "name": "VARCHAR", "status": "VARCHAR"}}') AS g
  FROM src
)
SELECT
  source_record_id,
  'google_ads' AS platform,
  g.customer.id AS account_id,
  g.campaign.id AS campaign_id,
  g.adGroup.id AS ad_group_id,
  g.adGroup.name AS ad_group_name,
  lower(g.adGroup.status) AS status
FROM ad_groups;

-- stage: ads -> ad
-- Most ads have no name; a responsive search ad is told by its first headline. A click leads to the final URL with the suffix of the
-- ad, or else that of its ad group, or else that of its campaign.
WITH ads AS (
  SELECT source_record_id, from_json(payload, '{
    "customer": {"id": "VARCHAR"}, "campaign": {"id": "VARCHAR", "finalUrlSuffix": "VARCHAR"},
    "adGroup": {"id": "VARCHAR", "finalUrlSuffix": "VARCHAR"},
    "adGroupAd": {"status": "VARCHAR", "ad": {"id": "VARCHAR", "name": "VARCHAR", "finalUrls": ["VARCHAR"], "finalUrlSuffix": "VARCHAR",
                  "responsiveSearchAd": {"headlines": [{"text": "VARCHAR"}]}}}}') AS a
  FROM src
), led AS (
  SELECT source_record_id, a, nullif(a.adGroupAd.ad.finalUrls[1], '') AS page,
         coalesce(nullif(a.adGroupAd.ad.finalUrlSuffix, ''), nullif(a.adGroup.finalUrlSuffix, ''), nullif(a.campaign.finalUrlSuffix, ''))
           AS suffix
  FROM ads
)
SELECT
  source_record_id,
  'google_ads' AS platform,
  a.customer.id AS account_id,
  a.campaign.id AS campaign_id,
  a.adGroup.id AS ad_group_id,
  a.adGroupAd.ad.id AS ad_id,
  coalesce(nullif(a.adGroupAd.ad.name, ''), a.adGroupAd.ad.responsiveSearchAd.headlines[1].text) AS ad_name,
  page || coalesce(CASE WHEN contains(page, '?') THEN '&' ELSE '?' END || suffix, '') AS landing_url,
  lower(a.adGroupAd.status) AS status
FROM led;
