-- Facts stay keyed by source record and get their customer through the crosswalk, here and nowhere else. Amounts in the base
-- currency (`..._base`) are NULL where there is no rate.

-- What went back of each order by its refunds, in the order's currency at the rates of the order's day.
CREATE OR REPLACE TEMP TABLE order_refunded AS
SELECT n.order_key,
       sum(CASE WHEN r.currency = f.currency THEN r.amount
                ELSE TRY_CAST(round(r.amount * theirs.rate / ours.rate, 4) AS DECIMAL(18,4)) END) AS amount
FROM staging.refund r
JOIN named n ON n.fact = 'refund' AND n.fact_key = r.refund_key
JOIN staging.customer_order f ON f.order_key = n.order_key
LEFT JOIN fx theirs ON theirs.currency = r.currency AND theirs.day = f.ordered_at::DATE
LEFT JOIN fx ours ON ours.currency = f.currency AND ours.day = f.ordered_at::DATE
WHERE refund_counts(r.is_test, r.refund_type, r.status)
GROUP BY n.order_key;

-- What went back of each invoice, in the invoice's currency at the rates of its day: refunds that name it or one of its payments. A
-- payment that tells what was refunded and its refunds speak of the same money. What names an order is taken off that.
CREATE OR REPLACE TEMP TABLE invoice_refunded AS
WITH told AS (
  SELECT coalesce(p.invoice_key, n.invoice_key) AS invoice_key, n.payment_key, r.currency, r.amount, NULL::DECIMAL(18,4) AS said
  FROM staging.refund r
  JOIN named n ON n.fact = 'refund' AND n.fact_key = r.refund_key
  LEFT JOIN named p ON p.fact = 'payment' AND p.fact_key = n.payment_key
  WHERE refund_counts(r.is_test, r.refund_type, r.status) AND n.order_key IS NULL
  UNION ALL
  SELECT n.invoice_key, f.payment_key, f.currency, NULL, f.refund_amount
  FROM staging.payment f JOIN named n ON n.fact = 'payment' AND n.fact_key = f.payment_key
  WHERE payment_counts(f.is_test, f.status) AND f.refund_amount > 0
), returned AS (
  SELECT t.invoice_key, t.payment_key,
         sum(CASE WHEN t.currency = f.currency THEN t.amount ELSE t.amount * theirs.rate / ours.rate END) AS amount,
         sum(CASE WHEN t.currency = f.currency THEN t.said ELSE t.said * theirs.rate / ours.rate END) AS said
  FROM told t
  JOIN staging.invoice f USING (invoice_key)
  LEFT JOIN fx theirs ON theirs.currency = t.currency AND theirs.day = f.issued_at::DATE
  LEFT JOIN fx ours ON ours.currency = f.currency AND ours.day = f.issued_at::DATE
  GROUP BY t.invoice_key, t.payment_key
)
SELECT invoice_key, TRY_CAST(round(sum(greatest(coalesce(amount, 0), coalesce(said, 0))), 4) AS DECIMAL(18,4)) AS amount
FROM returned GROUP BY invoice_key;

CREATE OR REPLACE TABLE golden.customer_order AS
WITH placed AS (
  SELECT f.* REPLACE (
           -- an order whose customer was deleted at the source names nobody, or only itself as a guest's: it keeps whom it had
           CASE WHEN f.party_record_key IS NULL OR f.party_record_key = f.order_key
                THEN coalesce(k.party_record_key, f.party_record_key) ELSE f.party_record_key END AS party_record_key),
         order_counts(f.is_test, f.status) AS is_counted,
         -- an order that tells what was refunded and its refunds speak of the same money; a late refund may be known to one alone
         TRY_CAST(greatest(coalesce(f.refund_amount, 0), coalesce(r.amount, 0)) AS DECIMAL(18,4)) AS refunded, x.rate
  FROM staging.customer_order f
  LEFT JOIN kept k ON k.fact_key = f.order_key
  LEFT JOIN order_refunded r ON r.order_key = f.order_key
  LEFT JOIN fx x ON x.currency = f.currency AND x.day = f.ordered_at::DATE
), owned AS (
  SELECT f.*, o.customer_id,
         CASE WHEN o.customer_id IS NOT NULL AND f.is_counted THEN
           row_number() OVER (PARTITION BY o.customer_id, f.is_counted ORDER BY f.ordered_at, f.order_key) END AS customer_order_seq
  FROM placed f LEFT JOIN owner o ON o.record_key = f.party_record_key
)
SELECT f.order_key, f.customer_id, f.party_record_key, f.source_system, f.stream, f.source_record_id, f.order_number, f.ordered_at,
       f.status, f.is_counted, f.currency, f.gross_amount, f.discount_amount, f.tax_amount, f.shipping_amount, f.refund_amount,
       f.refunded AS refunded_amount, TRY_CAST(f.gross_amount - f.refunded AS DECIMAL(18,4)) AS net_amount,
       -- both at the rate of the order's day, so that an order given back in full is worth nothing in every currency
       to_base(f.gross_amount, f.rate) AS gross_amount_base, to_base(f.refunded, f.rate) AS refunded_amount_base,
       TRY_CAST(to_base(f.gross_amount, f.rate) - to_base(f.refunded, f.rate) AS DECIMAL(18,4)) AS net_amount_base,
       f.rate AS fx_rate, f.customer_order_seq,
       CASE WHEN f.customer_order_seq = 1 THEN 'new' WHEN f.customer_order_seq > 1 THEN 'repeat' END AS new_vs_repeat,
       f.landing_url, f.referrer_url,
       -- what the source itself says of the visit, else what its landing page was asked for with
       coalesce(f.utm_source, url_parameter(f.landing_url, 'utm_source')) AS utm_source,
       coalesce(f.utm_medium, url_parameter(f.landing_url, 'utm_medium')) AS utm_medium,
       coalesce(f.utm_campaign, url_parameter(f.landing_url, 'utm_campaign')) AS utm_campaign,
       coalesce(f.utm_content, url_parameter(f.landing_url, 'utm_content')) AS utm_content,
       coalesce(f.utm_term, url_parameter(f.landing_url, 'utm_term')) AS utm_term,
       CASE WHEN f.click_id IS NULL THEN coalesce(click_parameter(f.landing_url), f.click_id_type) ELSE f.click_id_type END AS click_id_type,
       coalesce(f.click_id, url_parameter(f.landing_url, click_parameter(f.landing_url))) AS click_id,
       f.is_test, f.source_updated_at
FROM owned f;

CREATE OR REPLACE TABLE golden.order_line AS
SELECT f.order_line_key, n.order_key, coalesce(p.customer_id, o.customer_id) AS customer_id,
       coalesce(p.party_record_key, f.party_record_key) AS party_record_key, f.source_system, f.stream, f.source_record_id, f.line_no,
       f.sku, f.product_name, f.quantity, f.currency, f.unit_price, f.net_amount, f.tax_amount,
       to_base(f.net_amount, x.rate) AS net_amount_base, f.is_test OR coalesce(p.is_test, false) AS is_test, f.source_updated_at
FROM staging.order_line f
LEFT JOIN owner o ON o.record_key = f.party_record_key
LEFT JOIN named n ON n.fact = 'order_line' AND n.fact_key = f.order_line_key
LEFT JOIN golden.customer_order p ON p.order_key = n.order_key
LEFT JOIN fx x ON x.currency = f.currency AND x.day = coalesce(p.ordered_at, f.source_created_at)::DATE;

-- An invoice is a sale as far as it was paid. What a credit note, a prepayment or a balance settled is not in what was paid, so that
-- credit notes are off already and only money that went back is taken off.
CREATE OR REPLACE TABLE golden.invoice AS
WITH billed AS (
  SELECT f.*, invoice_counts(f.is_test, f.status) AS is_counted,
         coalesce(f.amount_paid, CASE WHEN f.status = 'paid' THEN f.total_amount ELSE 0 END) AS received,
         coalesce(r.amount, 0) AS refunded
  FROM staging.invoice f LEFT JOIN invoice_refunded r USING (invoice_key)
)
SELECT f.invoice_key, o.customer_id, coalesce(f.party_record_key, k.party_record_key) AS party_record_key, f.source_system, f.stream,
       f.source_record_id, f.invoice_number, f.issued_at,
       f.due_at, f.paid_at, f.status, f.is_counted,
       f.is_counted AND f.received > 0 AND f.source_system IN (FROM invoice_seller) AS is_sale,
       f.currency, f.total_amount, f.amount_paid, f.amount_due, f.refunded AS refunded_amount,
       to_base(f.total_amount, x.rate) AS total_amount_base, to_base(f.amount_paid, x.rate) AS amount_paid_base,
       to_base(f.amount_due, x.rate) AS amount_due_base, to_base(f.refunded, x.rate) AS refunded_amount_base,
       CASE WHEN f.is_counted THEN TRY_CAST(to_base(f.received, x.rate) - to_base(f.refunded, x.rate) AS DECIMAL(18,4)) END AS net_paid_base,
       f.is_test, f.source_updated_at
FROM billed f
LEFT JOIN kept k ON k.fact_key = f.invoice_key
LEFT JOIN owner o ON o.record_key = coalesce(f.party_record_key, k.party_record_key)
LEFT JOIN fx x ON x.currency = f.currency AND x.day = f.issued_at::DATE;

CREATE OR REPLACE TABLE golden.payment AS
SELECT f.payment_key, o.customer_id, coalesce(f.party_record_key, k.party_record_key) AS party_record_key, f.source_system, f.stream,
       f.source_record_id, n.invoice_key, f.paid_at, f.status, payment_counts(f.is_test, f.status) AS is_counted, f.currency, f.amount,
       f.refund_amount, to_base(f.amount, x.rate) AS amount_base, f.method, f.is_test, f.source_updated_at
FROM staging.payment f
LEFT JOIN kept k ON k.fact_key = f.payment_key
LEFT JOIN owner o ON o.record_key = coalesce(f.party_record_key, k.party_record_key)
LEFT JOIN named n ON n.fact = 'payment' AND n.fact_key = f.payment_key
LEFT JOIN fx x ON x.currency = f.currency AND x.day = f.paid_at::DATE;

-- a refund that names nobody is its payment's, its order's or its invoice's customer's
CREATE OR REPLACE TABLE golden.refund AS
SELECT f.refund_key, coalesce(o.customer_id, p.customer_id, r.customer_id, i.customer_id) AS customer_id,
       coalesce(f.party_record_key, p.party_record_key, r.party_record_key, i.party_record_key) AS party_record_key,
       f.source_system, f.stream, f.source_record_id, f.refund_no, f.refund_type, n.order_key,
       coalesce(n.invoice_key, p.invoice_key) AS invoice_key, n.payment_key, f.refunded_at, f.status, f.reason,
       refund_counts(f.is_test OR coalesce(p.is_test, r.is_test, i.is_test, false), f.refund_type, f.status) AS is_counted,
       -- what it is taken off, so that the same money is taken off once: its order carries it already
       CASE WHEN n.order_key IS NOT NULL THEN 'order' WHEN n.payment_key IS NOT NULL THEN 'payment'
            WHEN n.invoice_key IS NOT NULL THEN 'invoice'
            WHEN coalesce(f.order_id, f.payment_id, f.invoice_id) IS NULL THEN 'customer' END AS taken_off,
       f.currency, f.amount, to_base(f.amount, x.rate) AS amount_base,
       f.is_test OR coalesce(p.is_test, r.is_test, i.is_test, false) AS is_test, f.source_updated_at
FROM staging.refund f
LEFT JOIN fx x ON x.currency = f.currency AND x.day = f.refunded_at::DATE
LEFT JOIN owner o ON o.record_key = f.party_record_key
LEFT JOIN named n ON n.fact = 'refund' AND n.fact_key = f.refund_key
LEFT JOIN golden.payment p ON p.payment_key = n.payment_key
LEFT JOIN golden.customer_order r ON r.order_key = n.order_key
LEFT JOIN golden.invoice i ON i.invoice_key = n.invoice_key;

CREATE OR REPLACE TABLE golden.ticket AS
SELECT f.ticket_key, o.customer_id, coalesce(f.party_record_key, k.party_record_key) AS party_record_key, f.source_system, f.stream,
       f.source_record_id, f.subject, f.channel, f.status,
       f.status IN ('new', 'open', 'pending', 'on_hold') AS is_open, f.priority, f.opened_at, f.first_reply_at, f.solved_at,
       f.reopen_count, f.satisfaction, f.is_test, f.source_updated_at
FROM staging.ticket f
LEFT JOIN kept k ON k.fact_key = f.ticket_key
LEFT JOIN owner o ON o.record_key = coalesce(f.party_record_key, k.party_record_key);
