-- What new customers cost: spend of a month and campaign over the customers whose first order, as resolved over all systems, came in
-- that month and is credited to that campaign. 'none' stands for what no campaign can be credited with. What platforms claim as
-- conversions is not in here: two platforms claim the same order.
CREATE OR REPLACE TABLE golden.acquisition_cost AS
WITH model AS (
  FROM (VALUES ('first_touch'), ('last_non_direct'), ('linear')) t(model)
), spent AS (
  SELECT date_trunc('month', date_day)::DATE AS date_month, coalesce(ad_platform(platform), 'none') AS platform,
         coalesce(campaign_key, concat_ws(':', 'unlisted', source_system, account_id, campaign_id)) AS campaign_key,
         -- a sum that lacks a part would look like a bargain
         CASE WHEN count(*) FILTER (spend_base IS NULL AND spend IS NOT NULL) = 0 THEN sum(spend_base) END AS spend_base,
         count(*) FILTER (spend_base IS NULL AND spend IS NOT NULL) AS unconverted
  FROM golden.ad_spend_daily WHERE NOT is_test AND date_day IS NOT NULL
  GROUP BY ALL
), credited AS (
  SELECT a.model, date_trunc('month', a.ordered_at)::DATE AS date_month, coalesce(a.platform, 'none') AS platform,
         coalesce(a.campaign_key, 'none') AS campaign_key, sum(a.weight) AS new_customers,
         sum(a.attributed_net_base) AS new_revenue_base,
         sum(TRY_CAST(round(v.ltv_base * a.weight, 4) AS DECIMAL(38,4))) AS ltv_to_date_base
  FROM acquired a JOIN figure v USING (customer_id)
  GROUP BY ALL
), month_total AS (
  SELECT model, date_month, sum(new_customers) AS new_customers,
         coalesce(sum(new_customers) FILTER (campaign_key = 'none'), 0) AS unattributed
  FROM credited GROUP BY model, date_month
), base AS (
  SELECT base_currency IS NOT NULL AS is_known FROM golden.reporting
), whole AS (
  SELECT date_month, platform, campaign_key, model, s.spend_base, coalesce(s.unconverted, 0) AS unconverted_spend_rows,
         coalesce(c.new_customers, 0) AS new_customers, coalesce(c.new_revenue_base, 0) AS new_revenue_base,
         coalesce(c.ltv_to_date_base, 0) AS ltv_to_date_base
  FROM (FROM spent CROSS JOIN model) s FULL JOIN credited c USING (date_month, platform, campaign_key, model)
)
SELECT w.date_month, w.platform, w.campaign_key, w.model,
       CASE WHEN b.is_known THEN w.spend_base END AS spend_base, w.unconverted_spend_rows, w.new_customers,
       CASE WHEN b.is_known AND w.new_customers > 0 THEN TRY_CAST(round(w.spend_base / w.new_customers, 4) AS DECIMAL(18,4)) END
         AS cac_base,
       CASE WHEN b.is_known THEN w.new_revenue_base END AS new_revenue_base,
       CASE WHEN b.is_known THEN w.ltv_to_date_base END AS ltv_to_date_base,
       -- of the month's new customers, by this model
       CASE WHEN t.new_customers > 0 THEN round(t.unattributed / t.new_customers, 6) END AS unattributed_share
FROM whole w CROSS JOIN base b LEFT JOIN month_total t ON t.model = w.model AND t.date_month = w.date_month;
