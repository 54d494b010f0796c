-- What a customer is beside the others: its scores among all buyers, and what it cost. `figure` has all customers.
CREATE OR REPLACE TEMP TABLE standing AS
WITH scored AS (
  -- 1 to 5 by the share of buyers that are below; equals get the same score
  SELECT customer_id,
         least(5, 1 + (5 * (rank() OVER (ORDER BY last_purchase_at) - 1)) // count(*) OVER ())::INTEGER AS r_score,
         least(5, 1 + (5 * (rank() OVER (ORDER BY purchases) - 1)) // count(*) OVER ())::INTEGER AS f_score,
         CASE WHEN s.base_currency IS NOT NULL
              THEN least(5, 1 + (5 * (rank() OVER (ORDER BY ltv_base) - 1)) // count(*) OVER ())::INTEGER END AS m_score
  FROM figure CROSS JOIN golden.reporting s WHERE purchases > 0
), cost AS (
  -- the campaign of the first order's first touch, in the month of that order
  SELECT a.customer_id, c.cac_base
  FROM acquired a
  JOIN golden.acquisition_cost c ON c.model = a.model AND c.date_month = date_trunc('month', a.ordered_at)::DATE
    AND c.platform = a.platform AND c.campaign_key = a.campaign_key
  WHERE a.model = 'first_touch'
)
SELECT customer_id, s.r_score, s.f_score, s.m_score, k.cac_base FROM scored s LEFT JOIN cost k USING (customer_id);
