-- Money per golden fact table, source and currency: how many facts have some, and what of it has no rate to the base currency.
WITH fact AS (
  SELECT 'customer_order' AS "table", source_system, currency, order_key AS key, gross_amount AS amount, gross_amount_base AS base,
         ordered_at::DATE AS day
  FROM golden.customer_order
  UNION ALL
  SELECT 'order_line', source_system, currency, order_line_key, net_amount, net_amount_base, NULL
  FROM golden.order_line WHERE net_amount_base IS NOT NULL
  UNION ALL
  -- only of what is lost the day is told, which is that of the order
  SELECT 'order_line', l.source_system, l.currency, l.order_line_key, l.net_amount, NULL, o.ordered_at::DATE
  FROM golden.order_line l LEFT JOIN golden.customer_order o USING (order_key) WHERE l.net_amount_base IS NULL
  UNION ALL
  SELECT 'invoice', source_system, currency, invoice_key, total_amount, total_amount_base, issued_at::DATE FROM golden.invoice
  UNION ALL
  SELECT 'payment', source_system, currency, payment_key, amount, amount_base, paid_at::DATE FROM golden.payment
  UNION ALL
  SELECT 'refund', source_system, currency, refund_key, amount, amount_base, refunded_at::DATE FROM golden.refund
  UNION ALL
  SELECT 'ad_spend_daily', source_system, currency, spend_key, spend, spend_base, date_day FROM golden.ad_spend_daily
), judged AS (
  SELECT *, base IS NULL AS is_lost FROM fact WHERE amount IS NOT NULL
)
SELECT "table", source_system, coalesce(currency, '?') AS currency, count(*) AS facts, count(*) FILTER (is_lost) AS unconverted,
       (sum(amount) FILTER (is_lost))::VARCHAR AS amount, (min(day) FILTER (is_lost))::VARCHAR AS first_day,
       (max(day) FILTER (is_lost))::VARCHAR AS last_day, min(key, 20) FILTER (is_lost) AS rate_known_examples
FROM judged CROSS JOIN golden.reporting
WHERE base_currency IS NOT NULL
GROUP BY ALL
