-- By what touches are traced to campaigns.

-- The platform a click ID is of, and whether it marks paid clicks only; Facebook marks every link that leaves it, paid or not.
CREATE OR REPLACE TEMP TABLE click_platform AS
FROM (VALUES
  ('gclid', 'google_ads', 'paid_search'), ('gbraid', 'google_ads', 'paid_search'), ('wbraid', 'google_ads', 'paid_search'),
  ('msclkid', 'microsoft_ads', 'paid_search'), ('fbclid', 'meta', NULL), ('ttclid', 'tiktok', 'paid_social'),
  ('li_fat_id', 'linkedin', 'paid_social'), ('twclid', 'x', 'paid_social'), ('rdt_cid', 'reddit', 'paid_social'),
  ('epik', 'pinterest', 'paid_social'), ('ScCid', 'snapchat', 'paid_social')
) t(click_id_type, platform, paid_channel);

CREATE OR REPLACE TEMP MACRO ad_platform(name) AS CASE
  WHEN regexp_full_match(lower(name), 'google([-_ ]?ads)?|adwords') THEN 'google_ads'
  WHEN regexp_full_match(lower(name), 'meta([-_ ]?ads)?|facebook([-_ ]?ads)?|fb|instagram|ig') THEN 'meta'
  WHEN regexp_full_match(lower(name), 'bing([-_ ]?ads)?|microsoft([-_ ]?ads)?') THEN 'microsoft_ads'
  WHEN regexp_full_match(lower(name), 'twitter|x') THEN 'x'
  ELSE lower(name) END;
CREATE OR REPLACE TEMP MACRO is_search(name) AS
  coalesce(regexp_matches(lower(name), '(^|\.)(google|bing|yahoo|duckduckgo|ecosia|baidu|yandex|qwant|startpage)(\.|$)'), false);
CREATE OR REPLACE TEMP MACRO is_social(name) AS
  coalesce(regexp_matches(lower(name),
    '(^|\.)(facebook|fb|instagram|ig|meta|twitter|x|t\.co|linkedin|lnkd|pinterest|reddit|tiktok|snapchat|youtube)(\.|$)'), false);
CREATE OR REPLACE TEMP MACRO url_host(url) AS
  nullif(regexp_replace(regexp_extract(lower(url), '^[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([^/:?#]+)', 1), '^www\.', ''), '');
-- a campaign's name as people write it in links: case, spaces and signs do not matter
CREATE OR REPLACE TEMP MACRO name_key(name) AS nullif(regexp_replace(lower(name), '[^\p{L}\p{N}]+', '', 'g'), '');

-- the three parameters that name a campaign together; without a source or campaign they name none
CREATE OR REPLACE TEMP MACRO utm_key(source, medium, campaign) AS
  CASE WHEN source IS NOT NULL AND campaign IS NOT NULL AND NOT contains(concat(source, medium, campaign), '{')
       THEN lower(concat_ws(chr(10), source, coalesce(medium, ''), campaign)) END;

-- What names a campaign, per platform and over all ('*'); what names two names neither.
CREATE OR REPLACE TEMP TABLE campaign_named AS
WITH said AS (
  SELECT 'campaign_id' AS level, ad_platform(platform) AS platform, campaign_id AS value, campaign_key FROM golden.ad_campaign
  UNION ALL
  SELECT 'campaign_name', ad_platform(platform), name_key(campaign_name), campaign_key FROM golden.ad_campaign
  UNION ALL
  -- a click that a lead form has told the campaign of
  SELECT 'click', ad_platform(platform), click_id, campaign_key FROM golden.lead WHERE NOT is_test AND campaign_key IS NOT NULL
  UNION ALL
  -- the parameters that the clicks of an ad carry; a placeholder such as {campaignid} comes filled in and is no name
  SELECT 'utm_url', ad_platform(platform),
         utm_key(url_parameter(landing_url, 'utm_source'), url_parameter(landing_url, 'utm_medium'), url_parameter(landing_url, 'utm_campaign')),
         campaign_key
  FROM golden.ad WHERE NOT is_test AND campaign_key IS NOT NULL
)
SELECT level, scope, value, min(campaign_key) AS campaign_key FROM (
  SELECT level, platform AS scope, value, campaign_key FROM said UNION ALL SELECT level, '*', value, campaign_key FROM said
)
WHERE scope IS NOT NULL AND value IS NOT NULL
GROUP BY level, scope, value HAVING min(campaign_key) = max(campaign_key);
