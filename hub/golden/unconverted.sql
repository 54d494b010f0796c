-- Facts whose amount could not be brought to the base currency, for want of a rate; empty where the hub has no base currency.
CREATE OR REPLACE VIEW golden.unconverted AS
SELECT f.fact, f.source_system, f.currency, count(*) AS facts, sum(f.amount) AS amount, min(f.day) AS first_day, max(f.day) AS last_day
FROM (
  SELECT 'customer_order' AS fact, source_system, currency, gross_amount AS amount, CAST(ordered_at AS DATE) AS day
  FROM golden.customer_order WHERE gross_amount IS NOT NULL AND gross_amount_base IS NULL
  UNION ALL
  SELECT 'order_line', l.source_system, l.currency, l.net_amount, CAST(o.ordered_at AS DATE)
  FROM golden.order_line l LEFT JOIN golden.customer_order o USING (order_key)
  WHERE l.net_amount IS NOT NULL AND l.net_amount_base IS NULL
  UNION ALL
  SELECT 'refund', source_system, currency, amount, CAST(refunded_at AS DATE)
  FROM golden.refund WHERE amount IS NOT NULL AND amount_base IS NULL
  UNION ALL
  SELECT 'invoice', source_system, currency, total_amount, CAST(issued_at AS DATE)
  FROM golden.invoice WHERE total_amount IS NOT NULL AND total_amount_base IS NULL
  UNION ALL
  SELECT 'payment', source_system, currency, amount, CAST(paid_at AS DATE)
  FROM golden.payment WHERE amount IS NOT NULL AND amount_base IS NULL
  UNION ALL
  SELECT 'ad_spend_daily', source_system, currency, spend, date_day
  FROM golden.ad_spend_daily WHERE spend IS NOT NULL AND spend_base IS NULL
) f
CROSS JOIN golden.reporting s
WHERE s.base_currency IS NOT NULL
GROUP BY f.fact, f.source_system, f.currency
