-- The orders, invoices and payments that other facts name by source record ID: the one of the fact's own stream if it is there,
-- else the one of the source if no two of its streams have that ID.
CREATE OR REPLACE TEMP VIEW naming AS
SELECT 'order_line' AS fact, order_line_key AS fact_key, source_system, stream, 'order' AS kind, order_id AS id FROM staging.order_line
UNION ALL
SELECT 'payment', payment_key, source_system, stream, 'invoice', invoice_id FROM staging.payment
UNION ALL
SELECT 'refund', refund_key, source_system, stream, 'order', order_id FROM staging.refund
UNION ALL
SELECT 'refund', refund_key, source_system, stream, 'invoice', invoice_id FROM staging.refund
UNION ALL
SELECT 'refund', refund_key, source_system, stream, 'payment', payment_id FROM staging.refund;
