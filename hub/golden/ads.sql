-- Ads have no person. A platform's own IDs are unique within an account; where a source says one twice, neither is taken.
CREATE OR REPLACE TEMP TABLE campaign_known AS
SELECT source_system, account_id, campaign_id, any_value(campaign_key) AS campaign_key
FROM staging.ad_campaign GROUP BY source_system, account_id, campaign_id HAVING count(*) = 1;

CREATE OR REPLACE TABLE golden.ad_campaign AS
SELECT campaign_key, platform, account_id, campaign_id, campaign_name, status, currency, timezone, source_system, stream,
       source_record_id, is_test, source_updated_at
FROM staging.ad_campaign;

CREATE OR REPLACE TABLE golden.ad_group AS
SELECT f.ad_group_key, f.platform, f.account_id, c.campaign_key, f.campaign_id, f.ad_group_id, f.ad_group_name, f.status,
       f.source_system, f.stream, f.source_record_id, f.is_test, f.source_updated_at
FROM staging.ad_group f
LEFT JOIN campaign_known c ON c.source_system = f.source_system AND c.campaign_id = f.campaign_id
  AND c.account_id IS NOT DISTINCT FROM f.account_id;

CREATE OR REPLACE TEMP TABLE ad_group_known AS
SELECT source_system, account_id, ad_group_id, any_value(ad_group_key) AS ad_group_key, any_value(campaign_key) AS campaign_key
FROM golden.ad_group GROUP BY source_system, account_id, ad_group_id HAVING count(*) = 1;

CREATE OR REPLACE TABLE golden.ad AS
SELECT f.ad_key, f.platform, f.account_id, coalesce(c.campaign_key, g.campaign_key) AS campaign_key, f.campaign_id, g.ad_group_key,
       f.ad_group_id, f.ad_id, f.ad_name, f.landing_url, f.status, f.source_system, f.stream, f.source_record_id, f.is_test, f.source_updated_at
FROM staging.ad f
LEFT JOIN campaign_known c ON c.source_system = f.source_system AND c.campaign_id = f.campaign_id
  AND c.account_id IS NOT DISTINCT FROM f.account_id
LEFT JOIN ad_group_known g ON g.source_system = f.source_system AND g.ad_group_id = f.ad_group_id
  AND g.account_id IS NOT DISTINCT FROM f.account_id;

CREATE OR REPLACE TEMP TABLE ad_known AS
SELECT source_system, account_id, ad_id, any_value(ad_key) AS ad_key
FROM golden.ad GROUP BY source_system, account_id, ad_id HAVING count(*) = 1;
