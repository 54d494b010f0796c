-- What each customer is worth so far, by what they bought: their counted orders, and their paid invoices where these are sales of
-- their own. Refunds that name no order, payment or invoice come off here, and only here; the others are in what they are taken off.
CREATE OR REPLACE TEMP TABLE customer_value AS
WITH sale AS (
  SELECT customer_id, 1 AS orders, ordered_at, ordered_at AS sold_at, gross_amount_base AS gross_base,
         refunded_amount_base AS refunds_base, net_amount_base AS net_base
  FROM golden.customer_order WHERE is_counted
  UNION ALL
  SELECT customer_id, 0, NULL, issued_at, CAST(net_paid_base + refunded_amount_base AS DECIMAL(18,4)), refunded_amount_base, net_paid_base
  FROM golden.invoice WHERE is_sale
), loose AS (
  SELECT r.customer_id, sum(r.amount_base) AS refunds_base, count(*) FILTER (r.amount_base IS NULL) AS unconverted
  FROM golden.refund r
  WHERE r.is_counted AND r.taken_off = 'customer'
    -- from sources that have orders, and orders that do not tell themselves what was refunded; of those that sell by invoice, all but
    -- what was paid beyond any invoice, which is in no sale
    AND (r.source_system IN (FROM silent_source)
         OR (r.source_system IN (FROM invoice_seller) AND coalesce(r.reason, '') NOT IN ('overpayment', 'prepayment')))
  GROUP BY r.customer_id
), bought AS (
  SELECT customer_id, sum(orders)::BIGINT AS orders, min(ordered_at) AS first_order_at, max(ordered_at) AS last_order_at,
         count(*) AS purchases, min(sold_at) AS first_purchase_at, max(sold_at) AS last_purchase_at,
         sum(gross_base) AS gross_base, sum(refunds_base) AS refunds_base,
         count(net_base) AS converted, count(*) - count(net_base) AS unconverted,
         count(*) FILTER (sold_at::DATE > (SELECT as_of_date FROM golden.reporting) - 365) AS frequency_365d,
         sum(net_base) FILTER (sold_at::DATE > (SELECT as_of_date FROM golden.reporting) - 365) AS monetary_365d_base
  FROM sale GROUP BY customer_id
)
SELECT customer_id, coalesce(b.orders, 0) AS orders, b.first_order_at, b.last_order_at,
       coalesce(b.purchases, 0) AS purchases, b.first_purchase_at, b.last_purchase_at,
       coalesce(b.gross_base, 0) AS gross_base,
       coalesce(b.refunds_base, 0) + coalesce(l.refunds_base, 0) AS refunds_base,
       coalesce(b.gross_base, 0) - coalesce(b.refunds_base, 0) - coalesce(l.refunds_base, 0) AS ltv_base,
       coalesce(b.converted, 0) AS converted, coalesce(b.unconverted, 0) + coalesce(l.unconverted, 0) AS unconverted,
       coalesce(b.frequency_365d, 0) AS frequency_365d, coalesce(b.monetary_365d_base, 0) AS monetary_365d_base
FROM bought b FULL JOIN loose l USING (customer_id)
WHERE customer_id IS NOT NULL;
