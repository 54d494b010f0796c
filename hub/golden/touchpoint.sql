-- Touches: each order and each lead with what brought it, the campaign it can be traced to, and the order that it led to.
CREATE OR REPLACE TABLE golden.touchpoint AS
WITH came AS (
  SELECT 'customer_order' AS ref_table, order_key AS ref_key, customer_id, source_system, ordered_at AS occurred_at, is_counted,
         utm_source, utm_medium, utm_campaign, utm_content, utm_term, click_id_type, click_id,
         url_host(referrer_url) AS referrer_host, landing_url, NULL::VARCHAR AS said_platform, NULL::VARCHAR AS said_campaign,
         nullif(regexp_extract(landing_url, '[?&](utm_id|hsa_cam|gad_campaignid|campaignid|campaign_id)=([^&#]+)', 2), '') AS url_campaign
  FROM golden.customer_order WHERE NOT is_test
  UNION ALL
  SELECT 'lead', lead_key, customer_id, source_system, submitted_at, false, NULL, NULL, NULL, NULL, NULL, click_id_type, click_id,
         NULL, NULL, ad_platform(platform), campaign_key, NULL
  FROM golden.lead WHERE NOT is_test
), channelled AS (
  SELECT c.*, p.platform AS click_platform,
         CASE
           WHEN c.ref_table = 'lead' THEN
             CASE WHEN c.said_platform IN ('google_ads', 'microsoft_ads') THEN 'paid_search'
                  WHEN is_social(c.said_platform) THEN 'paid_social' ELSE 'paid_other' END
           WHEN regexp_matches(lower(c.utm_medium), '^(e-?mail|newsletter)') OR lower(c.utm_source) IN ('email', 'newsletter') THEN 'email'
           WHEN lower(c.utm_medium) = 'sms' THEN 'sms'
           WHEN regexp_matches(lower(c.utm_medium), '^affiliate') THEN 'affiliate'
           WHEN regexp_matches(lower(c.utm_medium), '^(display|banner|cpm|interstitial)') THEN 'display'
           WHEN p.paid_channel IS NOT NULL THEN p.paid_channel
           WHEN regexp_matches(lower(c.utm_medium), '^(.*cp[acv]|ppc|retargeting|paid.*)') THEN
             CASE WHEN is_search(c.utm_source) OR ad_platform(c.utm_source) IN ('google_ads', 'microsoft_ads') THEN 'paid_search'
                  WHEN is_social(c.utm_source) OR 'meta' IN (p.platform, ad_platform(c.utm_source)) THEN 'paid_social'
                  ELSE 'paid_other' END
           WHEN lower(c.utm_medium) = 'organic' OR (c.utm_source IS NULL AND is_search(c.referrer_host)) THEN 'organic_search'
           WHEN regexp_matches(lower(c.utm_medium), '^social') OR is_social(c.utm_source) OR p.platform = 'meta'
             OR (c.utm_source IS NULL AND is_social(c.referrer_host)) THEN 'organic_social'
           WHEN lower(c.utm_medium) = 'referral' THEN 'referral'
           WHEN c.utm_source IS NOT NULL THEN 'other'
           WHEN c.referrer_host IS NOT NULL AND c.referrer_host IS DISTINCT FROM url_host(c.landing_url) THEN 'referral'
           WHEN c.landing_url IS NOT NULL OR c.referrer_host IS NOT NULL THEN 'direct'
           ELSE 'unknown' END AS channel_group
  FROM came c LEFT JOIN click_platform p USING (click_id_type)
), scoped AS (
  SELECT *, coalesce(said_platform, click_platform,
                     CASE WHEN channel_group IN ('paid_search', 'paid_social', 'display', 'paid_other') THEN ad_platform(utm_source) END)
              AS ad_platform
  FROM channelled
), traced AS (
  SELECT s.*, coalesce(s.said_campaign, i.campaign_key, j.campaign_key) AS by_id, k.campaign_key AS by_click,
         u.campaign_key AS by_url, n.campaign_key AS by_name
  FROM scoped s
  LEFT JOIN campaign_named i ON i.level = 'campaign_id' AND i.scope = coalesce(s.ad_platform, '*') AND i.value = s.url_campaign
  LEFT JOIN campaign_named j ON j.level = 'campaign_id' AND j.scope = coalesce(s.ad_platform, '*') AND j.value = s.utm_campaign
  LEFT JOIN campaign_named k ON k.level = 'click' AND k.scope = coalesce(s.ad_platform, '*') AND k.value = s.click_id
  LEFT JOIN campaign_named u ON u.level = 'utm_url' AND u.scope = coalesce(s.ad_platform, '*')
    AND u.value = utm_key(s.utm_source, s.utm_medium, s.utm_campaign)
  LEFT JOIN campaign_named n ON n.level = 'campaign_name' AND n.scope = coalesce(s.ad_platform, '*')
    AND n.value = name_key(s.utm_campaign)
), matched AS (
  SELECT t.*, coalesce(t.by_id, t.by_click, t.by_url, t.by_name) AS campaign_key,
         CASE WHEN t.by_id IS NOT NULL THEN 'campaign_id' WHEN t.by_click IS NOT NULL THEN 'gclid_click_view'
              WHEN t.by_url IS NOT NULL THEN 'utm_url' WHEN t.by_name IS NOT NULL THEN 'campaign_name' WHEN t.ad_platform IS NOT NULL THEN 'channel_only' ELSE 'none' END
           AS match_level
  FROM traced t
), led AS (
  -- the path to an order: what the customer did after the order before it, up to that order itself
  SELECT *, first_value(CASE WHEN is_counted THEN ref_key END IGNORE NULLS) OVER (
           PARTITION BY coalesce(customer_id, ref_table || ':' || ref_key)
           ORDER BY occurred_at, ref_table = 'customer_order', ref_key ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS path_order_key
  FROM matched
), known AS (
  -- an order whose source does not tell of the visit is a touch only where nothing else is known
  SELECT *, path_order_key IS NOT NULL AND (channel_group <> 'unknown' OR NOT bool_or(channel_group <> 'unknown') OVER path) AS is_credited
  FROM led WINDOW path AS (PARTITION BY path_order_key)
), counted AS (
  SELECT *,
         CASE WHEN is_credited THEN row_number() OVER w END AS path_position,
         CASE WHEN is_credited THEN count(*) OVER (PARTITION BY path_order_key, is_credited) END AS path_length,
         -- the last touch but for direct visits; the last of all where all are direct
         CASE WHEN is_credited THEN row_number() OVER (
           PARTITION BY path_order_key, is_credited
           ORDER BY channel_group IN ('direct', 'unknown'), occurred_at DESC, ref_table = 'customer_order' DESC, ref_key DESC) = 1
           END AS is_last_non_direct
  FROM known
  WINDOW w AS (PARTITION BY path_order_key, is_credited ORDER BY occurred_at, ref_table = 'customer_order', ref_key)
)
SELECT t.ref_table || ':' || t.ref_key AS touchpoint_key, t.customer_id, t.source_system, t.occurred_at, t.ref_table, t.ref_key,
       t.utm_source, t.utm_medium, t.utm_campaign, t.utm_content, t.utm_term, t.click_id_type, t.click_id, t.referrer_host,
       t.channel_group, coalesce(ad_platform(c.platform), t.ad_platform) AS platform, t.campaign_key, t.match_level,
       t.path_order_key, t.path_position, t.path_length, t.is_last_non_direct
FROM counted t LEFT JOIN golden.ad_campaign c USING (campaign_key);
