-- What ads brought and what they cost, with the campaign, ad group and ad in golden that a source names.
CREATE OR REPLACE TABLE golden.lead AS
SELECT f.lead_key, o.customer_id, f.party_record_key, f.source_system, f.stream, f.source_record_id, f.platform, f.account_id,
       c.campaign_key, f.campaign_id, g.ad_group_key, f.ad_group_id, a.ad_key, f.ad_id, f.form_id, f.click_id_type, f.click_id,
       f.lead_source, f.submitted_at, f.is_test, f.source_updated_at
FROM staging.lead f
LEFT JOIN owner o ON o.record_key = f.party_record_key
LEFT JOIN campaign_known c ON c.source_system = f.source_system AND c.campaign_id = f.campaign_id
  AND c.account_id IS NOT DISTINCT FROM f.account_id
LEFT JOIN ad_group_known g ON g.source_system = f.source_system AND g.ad_group_id = f.ad_group_id
  AND g.account_id IS NOT DISTINCT FROM f.account_id
LEFT JOIN ad_known a ON a.source_system = f.source_system AND a.ad_id = f.ad_id AND a.account_id IS NOT DISTINCT FROM f.account_id;

-- spend meets customers through campaigns
CREATE OR REPLACE TABLE golden.ad_spend_daily AS
SELECT f.spend_key, f.platform, f.account_id, c.campaign_key, f.campaign_id, g.ad_group_key, f.ad_group_id, a.ad_key,
       f.ad_id, f.date_day, f.currency, f.spend, to_base(TRY_CAST(f.spend AS DECIMAL(18,6)), x.rate) AS spend_base, f.impressions,
       f.clicks, f.platform_conversions, f.platform_conversion_value,
       f.source_system, f.stream, f.source_record_id, f.is_test, f.source_updated_at
FROM staging.ad_spend_daily f
LEFT JOIN campaign_known c ON c.source_system = f.source_system AND c.campaign_id = f.campaign_id
  AND c.account_id IS NOT DISTINCT FROM f.account_id
LEFT JOIN ad_group_known g ON g.source_system = f.source_system AND g.ad_group_id = f.ad_group_id
  AND g.account_id IS NOT DISTINCT FROM f.account_id
LEFT JOIN ad_known a ON a.source_system = f.source_system AND a.ad_id = f.ad_id AND a.account_id IS NOT DISTINCT FROM f.account_id
LEFT JOIN fx x ON x.currency = f.currency AND x.day = f.date_day;
