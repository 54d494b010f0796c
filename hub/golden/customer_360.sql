-- One row per customer with what they did and what they are worth. Amounts by currency are exact; those in the base currency are
-- converted. What depends on today is computed here, from the day of the load.
CREATE OR REPLACE VIEW golden.customer_360 AS
WITH order_money AS (
  SELECT customer_id, map_from_entries(list((currency, net) ORDER BY currency)) AS order_net_by_currency
  FROM (SELECT customer_id, currency, sum(net_amount) AS net FROM golden.customer_order
        WHERE is_counted GROUP BY customer_id, currency)
  GROUP BY customer_id
), billed AS (
  SELECT customer_id, count(*) AS invoices, count(*) FILTER (status = 'open') AS open_invoices
  FROM golden.invoice WHERE is_counted GROUP BY customer_id
), due AS (
  SELECT customer_id, map_from_entries(list((currency, amount) ORDER BY currency)) AS amount_due_by_currency
  FROM (SELECT customer_id, currency, sum(amount_due) AS amount FROM golden.invoice
        WHERE is_counted AND status = 'open' GROUP BY customer_id, currency)
  GROUP BY customer_id
), paid AS (
  SELECT customer_id, count(*) AS payments, max(paid_at) AS last_payment_at
  FROM golden.payment WHERE is_counted GROUP BY customer_id
), returned AS (
  SELECT customer_id, count(*) AS refunds, max(refunded_at) AS last_refund_at
  FROM golden.refund WHERE is_counted GROUP BY customer_id
), asked AS (
  SELECT customer_id, max(opened_at) AS last_ticket_at FROM golden.ticket WHERE NOT is_test GROUP BY customer_id
), led AS (
  SELECT customer_id, count(*) AS leads, max(submitted_at) AS last_lead_at FROM golden.lead WHERE NOT is_test GROUP BY customer_id
)
SELECT c.*,
       coalesce(x.orders, 0) AS orders, x.first_order_at, x.last_order_at, m.order_net_by_currency,
       coalesce(x.purchases, 0) AS purchases, x.first_purchase_at, x.last_purchase_at,
       coalesce(i.invoices, 0) AS invoices, coalesce(i.open_invoices, 0) AS open_invoices, d.amount_due_by_currency,
       coalesce(p.payments, 0) AS payments, p.last_payment_at,
       coalesce(r.refunds, 0) AS refunds, r.last_refund_at,
       coalesce(x.tickets, 0) AS tickets, t.last_ticket_at,
       coalesce(l.leads, 0) AS leads, l.last_lead_at,
       s.base_currency, x.gross_base, x.refunds_base, x.ltv_base, x.aov_base, x.frequency_365d, x.monetary_365d_base,
       x.r_score, x.f_score, x.m_score, x.rfm_segment, x.open_balance_base, x.unconverted_facts, x.avg_csat,
       x.first_touch_channel, x.last_touch_channel, x.cac_base, x.ltv_cac_ratio,
       s.as_of_date, s.as_of_date - x.last_purchase_at::DATE AS recency_days,
       s.as_of_date - c.last_activity_at::DATE AS days_since_activity, s.as_of_date - c.first_seen_at::DATE AS days_known
FROM golden.customer c
CROSS JOIN golden.reporting s
LEFT JOIN golden.customer_metrics x USING (customer_id)
LEFT JOIN order_money m USING (customer_id)
LEFT JOIN billed i USING (customer_id)
LEFT JOIN due d USING (customer_id)
LEFT JOIN paid p USING (customer_id)
LEFT JOIN returned r USING (customer_id)
LEFT JOIN asked t USING (customer_id)
LEFT JOIN led l USING (customer_id)
