-- One row per customer with what they did; amounts by currency, because amounts of two currencies do not add up.
CREATE OR REPLACE VIEW golden.customer_360 AS
WITH bought AS (
  SELECT customer_id, count(*) AS orders, min(ordered_at) AS first_order_at, max(ordered_at) AS last_order_at
  FROM golden.customer_order WHERE NOT is_test AND status IS DISTINCT FROM 'cancelled' GROUP BY customer_id
), order_money AS (
  SELECT customer_id, map_from_entries(list((currency, net) ORDER BY currency)) AS order_net_by_currency
  FROM (SELECT customer_id, currency, sum(net_amount) AS net FROM golden.customer_order
        WHERE NOT is_test AND status IS DISTINCT FROM 'cancelled' GROUP BY customer_id, currency)
  GROUP BY customer_id
), billed AS (
  SELECT customer_id, count(*) AS invoices, count(*) FILTER (status = 'open') AS open_invoices
  FROM golden.invoice WHERE NOT is_test AND status NOT IN ('draft', 'void') GROUP BY customer_id
), due AS (
  SELECT customer_id, map_from_entries(list((currency, amount) ORDER BY currency)) AS amount_due_by_currency
  FROM (SELECT customer_id, currency, sum(amount_due) AS amount FROM golden.invoice
        WHERE NOT is_test AND status = 'open' GROUP BY customer_id, currency)
  GROUP BY customer_id
), paid AS (
  SELECT customer_id, count(*) AS payments, max(paid_at) AS last_payment_at
  FROM golden.payment WHERE NOT is_test AND status = 'succeeded' GROUP BY customer_id
), returned AS (
  -- a credit note lowers a claim; money went back only with a refund
  SELECT customer_id, count(*) AS refunds, max(refunded_at) AS last_refund_at
  FROM golden.refund WHERE NOT is_test AND refund_type IS DISTINCT FROM 'credit_note'
    AND (status IS NULL OR status NOT IN ('failed', 'cancelled')) GROUP BY customer_id
), asked AS (
  SELECT customer_id, count(*) AS tickets, max(opened_at) AS last_ticket_at FROM golden.ticket WHERE NOT is_test GROUP BY customer_id
), led AS (
  SELECT customer_id, count(*) AS leads, max(submitted_at) AS last_lead_at FROM golden.lead WHERE NOT is_test GROUP BY customer_id
)
SELECT c.*,
       coalesce(b.orders, 0) AS orders, b.first_order_at, b.last_order_at, m.order_net_by_currency,
       coalesce(i.invoices, 0) AS invoices, coalesce(i.open_invoices, 0) AS open_invoices, d.amount_due_by_currency,
       coalesce(p.payments, 0) AS payments, p.last_payment_at,
       coalesce(r.refunds, 0) AS refunds, r.last_refund_at,
       coalesce(t.tickets, 0) AS tickets, t.last_ticket_at,
       coalesce(l.leads, 0) AS leads, l.last_lead_at
FROM golden.customer c
LEFT JOIN bought b USING (customer_id)
LEFT JOIN order_money m USING (customer_id)
LEFT JOIN billed i USING (customer_id)
LEFT JOIN due d USING (customer_id)
LEFT JOIN paid p USING (customer_id)
LEFT JOIN returned r USING (customer_id)
LEFT JOIN asked t USING (customer_id)
LEFT JOIN led l USING (customer_id)
