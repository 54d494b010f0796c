-- Which facts must be made anew: those that came, went or changed, and those that say something of them. golden holds what is published,
-- came_... and went_... what differs from what it was made from. A fact too many costs time, one too few is a wrong row.

-- orders, invoices and payments that came or went, by what others name them
CREATE OR REPLACE TEMP TABLE renamed AS
SELECT DISTINCT kind, source_system, source_record_id FROM (
  SELECT 'order' AS kind, source_system, source_record_id FROM staging.customer_order SEMI JOIN came_customer_order ON key = order_key
  UNION ALL
  SELECT 'order', source_system, source_record_id FROM golden.customer_order SEMI JOIN went_customer_order ON key = order_key
  UNION ALL
  SELECT 'invoice', source_system, source_record_id FROM staging.invoice SEMI JOIN came_invoice ON key = invoice_key
  UNION ALL
  SELECT 'invoice', source_system, source_record_id FROM golden.invoice SEMI JOIN went_invoice ON key = invoice_key
  UNION ALL
  SELECT 'payment', source_system, source_record_id FROM staging.payment SEMI JOIN came_payment ON key = payment_key
  UNION ALL
  SELECT 'payment', source_system, source_record_id FROM golden.payment SEMI JOIN went_payment ON key = payment_key
);

-- refunds that may be another order's than before, or of another amount
CREATE OR REPLACE TEMP TABLE changed_refund AS
SELECT key AS refund_key FROM came_refund UNION SELECT key FROM went_refund
UNION
SELECT refund_key FROM staging.refund AS r
SEMI JOIN renamed AS n ON n.kind = 'order' AND n.source_system = r.source_system AND n.source_record_id = r.order_id
UNION
SELECT refund_key FROM staging.refund AS r
SEMI JOIN renamed AS n ON n.kind = 'invoice' AND n.source_system = r.source_system AND n.source_record_id = r.invoice_id
UNION
SELECT refund_key FROM staging.refund AS r
SEMI JOIN renamed AS n ON n.kind = 'payment' AND n.source_system = r.source_system AND n.source_record_id = r.payment_id;

-- orders of which more may change than their place among their customer's orders
CREATE OR REPLACE TEMP TABLE changed_order AS
SELECT key AS order_key FROM came_customer_order UNION SELECT key FROM went_customer_order
UNION
SELECT order_key FROM golden.customer_order SEMI JOIN moved ON record_key = party_record_key
UNION
SELECT key FROM repriced_fact WHERE fact = 'customer_order'
UNION
SELECT order_key FROM golden.refund SEMI JOIN changed_refund USING (refund_key) WHERE order_key IS NOT NULL
UNION
SELECT o.order_key FROM staging.customer_order AS o
SEMI JOIN (SELECT source_system, order_id FROM staging.refund SEMI JOIN changed_refund USING (refund_key)) AS r
  ON r.source_system = o.source_system AND r.order_id = o.source_record_id;

-- and all orders of their customers, then and now, whose places among them change
CREATE OR REPLACE TEMP TABLE ordering AS
SELECT customer_id FROM golden.customer_order SEMI JOIN changed_order USING (order_key) WHERE customer_id IS NOT NULL
UNION
SELECT customer_id FROM owner SEMI JOIN (
  SELECT party_record_key FROM golden.customer_order SEMI JOIN changed_order USING (order_key)
  UNION ALL
  SELECT party_record_key FROM staging.customer_order SEMI JOIN changed_order USING (order_key)
) ON party_record_key = record_key;

CREATE OR REPLACE TEMP TABLE touched_customer_order AS
FROM changed_order UNION SELECT order_key FROM golden.customer_order SEMI JOIN ordering USING (customer_id);

CREATE OR REPLACE TEMP TABLE touched_order_line AS
SELECT key AS order_line_key FROM came_order_line UNION SELECT key FROM went_order_line
UNION
SELECT order_line_key FROM staging.order_line SEMI JOIN moved ON record_key = party_record_key
UNION
SELECT order_line_key FROM staging.order_line AS l
SEMI JOIN renamed AS n ON n.kind = 'order' AND n.source_system = l.source_system AND n.source_record_id = l.order_id
UNION
SELECT order_line_key FROM golden.order_line SEMI JOIN changed_order USING (order_key)
UNION
SELECT key FROM repriced_fact WHERE fact = 'order_line';

-- payments of which more may change than what is known beside them
CREATE OR REPLACE TEMP TABLE changed_payment AS
SELECT key AS payment_key FROM came_payment UNION SELECT key FROM went_payment
UNION
SELECT payment_key FROM golden.payment SEMI JOIN moved ON record_key = party_record_key
UNION
SELECT key FROM repriced_fact WHERE fact = 'payment'
UNION
SELECT payment_key FROM staging.payment AS y
SEMI JOIN renamed AS n ON n.kind = 'invoice' AND n.source_system = y.source_system AND n.source_record_id = y.invoice_id;

-- invoices, with those that changed refunds and payments are about, then and now
CREATE OR REPLACE TEMP TABLE touched_invoice AS
WITH told AS (
  SELECT source_system, invoice_id, payment_id FROM staging.refund SEMI JOIN changed_refund USING (refund_key)
), paying AS (
  FROM changed_payment
  UNION
  SELECT payment_key FROM golden.refund SEMI JOIN changed_refund USING (refund_key) WHERE payment_key IS NOT NULL
  UNION
  SELECT y.payment_key FROM staging.payment AS y
  SEMI JOIN told AS t ON t.source_system = y.source_system AND t.payment_id = y.source_record_id
), about AS (
  SELECT source_system, invoice_id FROM told WHERE invoice_id IS NOT NULL
  UNION
  SELECT source_system, invoice_id FROM staging.payment SEMI JOIN paying USING (payment_key) WHERE invoice_id IS NOT NULL
)
SELECT key AS invoice_key FROM came_invoice UNION SELECT key FROM went_invoice
UNION
SELECT invoice_key FROM golden.invoice SEMI JOIN moved ON record_key = party_record_key
UNION
SELECT key FROM repriced_fact WHERE fact = 'invoice'
UNION
SELECT invoice_key FROM golden.refund SEMI JOIN changed_refund USING (refund_key) WHERE invoice_key IS NOT NULL
UNION
SELECT invoice_key FROM golden.payment SEMI JOIN paying USING (payment_key) WHERE invoice_key IS NOT NULL
UNION
SELECT i.invoice_key FROM staging.invoice AS i
SEMI JOIN about AS a ON a.source_system = i.source_system AND a.invoice_id = i.source_record_id;

-- all payments and refunds of an invoice, and all refunds of an order, are needed to make it; those of another fact may be its customer's
CREATE OR REPLACE TEMP TABLE paid_invoice AS
SELECT payment_key FROM golden.payment SEMI JOIN touched_invoice USING (invoice_key);

CREATE OR REPLACE TEMP TABLE touched_refund AS
FROM changed_refund
UNION
SELECT refund_key FROM staging.refund SEMI JOIN moved ON record_key = party_record_key
UNION
SELECT key FROM repriced_fact WHERE fact = 'refund'
UNION
SELECT refund_key FROM golden.refund SEMI JOIN touched_customer_order USING (order_key)
UNION
SELECT refund_key FROM golden.refund SEMI JOIN touched_invoice USING (invoice_key)
UNION
SELECT refund_key FROM golden.refund SEMI JOIN (FROM changed_payment UNION ALL FROM paid_invoice) USING (payment_key);

CREATE OR REPLACE TEMP TABLE touched_payment AS
FROM changed_payment
UNION
FROM paid_invoice
UNION
SELECT payment_key FROM golden.refund SEMI JOIN touched_refund USING (refund_key) WHERE payment_key IS NOT NULL
UNION
SELECT y.payment_key FROM staging.payment AS y
SEMI JOIN (SELECT source_system, payment_id FROM staging.refund SEMI JOIN changed_refund USING (refund_key)) AS r
  ON r.source_system = y.source_system AND r.payment_id = y.source_record_id;

CREATE OR REPLACE TEMP TABLE touched_ticket AS
SELECT key AS ticket_key FROM came_ticket UNION SELECT key FROM went_ticket
UNION
SELECT ticket_key FROM golden.ticket SEMI JOIN moved ON record_key = party_record_key;

CREATE OR REPLACE TEMP TABLE part_customer_order AS FROM staging.customer_order SEMI JOIN touched_customer_order USING (order_key);
CREATE OR REPLACE TEMP TABLE part_order_line AS FROM staging.order_line SEMI JOIN touched_order_line USING (order_line_key);
CREATE OR REPLACE TEMP TABLE part_invoice AS FROM staging.invoice SEMI JOIN touched_invoice USING (invoice_key);
CREATE OR REPLACE TEMP TABLE part_payment AS FROM staging.payment SEMI JOIN touched_payment USING (payment_key);
CREATE OR REPLACE TEMP TABLE part_refund AS FROM staging.refund SEMI JOIN touched_refund USING (refund_key);
CREATE OR REPLACE TEMP TABLE part_ticket AS FROM staging.ticket SEMI JOIN touched_ticket USING (ticket_key);
