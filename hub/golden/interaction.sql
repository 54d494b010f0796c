-- One timeline of everything that happened between a customer and the company; a ticket is on it when it was opened and when solved.
CREATE OR REPLACE VIEW golden.interaction AS
SELECT 'order:' || order_key AS interaction_key, customer_id, source_system, source_record_id, ordered_at AS occurred_at,
       'order' AS interaction_type, CAST(NULL AS VARCHAR) AS channel, 'inbound' AS direction, 'customer_order' AS ref_table,
       order_key AS ref_key, status, net_amount AS amount, currency, net_amount_base AS amount_base, is_test
FROM golden.customer_order
UNION ALL
SELECT 'invoice:' || invoice_key, customer_id, source_system, source_record_id, issued_at, 'invoice', NULL, 'outbound', 'invoice',
       invoice_key, status, total_amount, currency, total_amount_base, is_test
FROM golden.invoice
UNION ALL
SELECT 'payment:' || payment_key, customer_id, source_system, source_record_id, paid_at, 'payment', method, 'inbound', 'payment',
       payment_key, status, amount, currency, amount_base, is_test
FROM golden.payment
UNION ALL
SELECT 'refund:' || refund_key, customer_id, source_system, source_record_id, refunded_at,
       CASE WHEN refund_type = 'credit_note' THEN 'credit_note' ELSE 'refund' END, NULL, 'outbound', 'refund',
       refund_key, status, amount, currency, amount_base, is_test
FROM golden.refund
UNION ALL
SELECT 'ticket_opened:' || ticket_key, customer_id, source_system, source_record_id, opened_at, 'ticket_opened', channel, 'inbound',
       'ticket', ticket_key, status, NULL, NULL, NULL, is_test
FROM golden.ticket
UNION ALL
SELECT 'ticket_solved:' || ticket_key, customer_id, source_system, source_record_id, solved_at, 'ticket_solved', channel, 'outbound',
       'ticket', ticket_key, status, NULL, NULL, NULL, is_test
FROM golden.ticket WHERE solved_at IS NOT NULL
UNION ALL
SELECT 'lead:' || lead_key, customer_id, source_system, source_record_id, submitted_at, 'lead', platform, 'inbound', 'lead',
       lead_key, NULL, NULL, NULL, NULL, is_test
FROM golden.lead
