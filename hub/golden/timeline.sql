-- Everything one customer did, oldest first. The parameter is the customer_id.
WITH wanted AS (SELECT ? AS customer_id)
SELECT occurred_at, kind, fact_key, source_system, status, amount, currency FROM (
  SELECT customer_id, ordered_at AS occurred_at, 'order' AS kind, order_key AS fact_key, source_system, status, net_amount AS amount, currency
  FROM golden.customer_order
  UNION ALL
  SELECT customer_id, issued_at, 'invoice', invoice_key, source_system, status, total_amount, currency FROM golden.invoice
  UNION ALL
  SELECT customer_id, paid_at, 'payment', payment_key, source_system, status, amount, currency FROM golden.payment
  UNION ALL
  SELECT customer_id, refunded_at, coalesce(refund_type, 'refund'), refund_key, source_system, status, amount, currency FROM golden.refund
  UNION ALL
  SELECT customer_id, opened_at, 'ticket', ticket_key, source_system, status, NULL, NULL FROM golden.ticket
  UNION ALL
  SELECT customer_id, submitted_at, 'lead', lead_key, source_system, NULL, NULL, NULL FROM golden.lead
) JOIN wanted USING (customer_id)
ORDER BY occurred_at, kind, fact_key
