-- Figures per customer, its own and those beside the others.
CREATE OR REPLACE TABLE golden.customer_metrics AS
SELECT f.customer_id, f.orders, f.first_order_at, f.last_order_at, f.purchases, f.first_purchase_at, f.last_purchase_at,
       f.gross_base, f.refunds_base, f.ltv_base, f.aov_base, f.frequency_365d, f.monetary_365d_base, s.r_score, s.f_score, s.m_score,
       CASE WHEN s.r_score >= 4 AND s.f_score >= 4 THEN 'champions' WHEN s.r_score = 3 AND s.f_score >= 4 THEN 'loyal'
            WHEN s.r_score <= 2 AND s.f_score >= 4 THEN 'at_risk' WHEN s.r_score >= 4 AND f.purchases = 1 THEN 'new'
            WHEN s.r_score >= 4 THEN 'promising' WHEN s.r_score = 3 THEN 'needs_attention'
            WHEN s.r_score = 2 THEN 'hibernating' WHEN s.r_score = 1 THEN 'lost' END AS rfm_segment,
       f.open_balance_base, f.unconverted_facts, f.tickets, f.open_tickets, f.avg_csat, f.first_touch_channel, f.last_touch_channel,
       s.cac_base, CASE WHEN s.cac_base > 0 THEN round(f.ltv_base / s.cac_base, 4) END AS ltv_cac_ratio
FROM figure f LEFT JOIN standing s USING (customer_id);
