-- Which leads and days of spend must be made anew: those that came, went or changed, moved or are worth something else, and those whose
-- campaign, ad group or ad is another one by the platform's ID.
CREATE OR REPLACE TEMP TABLE remapped AS
WITH campaign AS (
  SELECT source_system, account_id, campaign_id, campaign_key FROM old_ad_campaign
), campaign_now AS (
  SELECT source_system, account_id, campaign_id, campaign_key FROM new_ad_campaign
), ad_group AS (
  SELECT source_system, account_id, ad_group_id, ad_group_key, campaign_key FROM old_ad_group
), ad_group_now AS (
  SELECT source_system, account_id, ad_group_id, ad_group_key, campaign_key FROM new_ad_group
), ad AS (
  SELECT source_system, account_id, ad_id, ad_key FROM old_ad
), ad_now AS (
  SELECT source_system, account_id, ad_id, ad_key FROM new_ad
)
SELECT DISTINCT level, source_system, id FROM (
  SELECT 'campaign' AS level, source_system, campaign_id AS id
  FROM ((FROM campaign EXCEPT FROM campaign_now) UNION ALL (FROM campaign_now EXCEPT FROM campaign))
  UNION ALL
  SELECT 'ad_group', source_system, ad_group_id
  FROM ((FROM ad_group EXCEPT FROM ad_group_now) UNION ALL (FROM ad_group_now EXCEPT FROM ad_group))
  UNION ALL
  SELECT 'ad', source_system, ad_id FROM ((FROM ad EXCEPT FROM ad_now) UNION ALL (FROM ad_now EXCEPT FROM ad))
);

CREATE OR REPLACE TEMP TABLE touched_lead AS
SELECT key AS lead_key FROM came_lead UNION SELECT key FROM went_lead
UNION
SELECT lead_key FROM golden.lead SEMI JOIN moved ON record_key = party_record_key
UNION
SELECT lead_key FROM golden.lead AS f
SEMI JOIN remapped AS m ON m.level = 'campaign' AND m.source_system = f.source_system AND m.id = f.campaign_id
UNION
SELECT lead_key FROM golden.lead AS f
SEMI JOIN remapped AS m ON m.level = 'ad_group' AND m.source_system = f.source_system AND m.id = f.ad_group_id
UNION
SELECT lead_key FROM golden.lead AS f
SEMI JOIN remapped AS m ON m.level = 'ad' AND m.source_system = f.source_system AND m.id = f.ad_id;

CREATE OR REPLACE TEMP TABLE touched_ad_spend_daily AS
SELECT key AS spend_key FROM came_ad_spend_daily UNION SELECT key FROM went_ad_spend_daily
UNION
SELECT key FROM repriced_fact WHERE fact = 'ad_spend_daily'
UNION
SELECT spend_key FROM golden.ad_spend_daily AS f
SEMI JOIN remapped AS m ON m.level = 'campaign' AND m.source_system = f.source_system AND m.id = f.campaign_id
UNION
SELECT spend_key FROM golden.ad_spend_daily AS f
SEMI JOIN remapped AS m ON m.level = 'ad_group' AND m.source_system = f.source_system AND m.id = f.ad_group_id
UNION
SELECT spend_key FROM golden.ad_spend_daily AS f
SEMI JOIN remapped AS m ON m.level = 'ad' AND m.source_system = f.source_system AND m.id = f.ad_id;

CREATE OR REPLACE TEMP TABLE part_lead AS FROM staging.lead SEMI JOIN touched_lead USING (lead_key);
CREATE OR REPLACE TEMP TABLE part_ad_spend_daily AS FROM staging.ad_spend_daily SEMI JOIN touched_ad_spend_daily USING (spend_key);
