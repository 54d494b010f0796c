-- The orders, invoices and payments that touched facts name.
CREATE OR REPLACE TEMP TABLE named_id AS SELECT DISTINCT kind, source_system, id AS source_record_id FROM naming WHERE id IS NOT NULL;
CREATE OR REPLACE TEMP TABLE named_customer_order AS
SELECT order_key, source_system, stream, source_record_id FROM staging.customer_order
SEMI JOIN (FROM named_id WHERE kind = 'order') USING (source_system, source_record_id);
CREATE OR REPLACE TEMP TABLE named_invoice AS
SELECT invoice_key, source_system, stream, source_record_id FROM staging.invoice
SEMI JOIN (FROM named_id WHERE kind = 'invoice') USING (source_system, source_record_id);
CREATE OR REPLACE TEMP TABLE named_payment AS
SELECT payment_key, source_system, stream, source_record_id FROM staging.payment
SEMI JOIN (FROM named_id WHERE kind = 'payment') USING (source_system, source_record_id);
