-- What each customer is worth so far, by their counted orders. Refunds that name no order, payment or invoice come off here, and only
-- here; those of a payment or an invoice are not an order's, or are known to the order already.
CREATE OR REPLACE TEMP TABLE customer_value AS
WITH loose AS (
  SELECT r.customer_id, sum(r.amount_base) AS refunds_base, count(*) FILTER (r.amount_base IS NULL) AS unconverted
  FROM golden.refund r
  WHERE r.is_counted AND r.taken_off = 'customer'
    -- from sources that have orders, and orders that do not tell themselves what was refunded
    AND r.source_system IN (SELECT source_system FROM golden.customer_order GROUP BY source_system HAVING count(refund_amount) = 0)
  GROUP BY r.customer_id
), bought AS (
  SELECT customer_id, count(*) AS orders, min(ordered_at) AS first_order_at, max(ordered_at) AS last_order_at,
         sum(gross_amount_base) AS gross_base, sum(refunded_amount_base) AS refunds_base,
         count(net_amount_base) AS converted, count(*) - count(net_amount_base) AS unconverted,
         count(*) FILTER (ordered_at::DATE > (SELECT as_of_date FROM golden.reporting) - 365) AS frequency_365d,
         sum(net_amount_base) FILTER (ordered_at::DATE > (SELECT as_of_date FROM golden.reporting) - 365) AS monetary_365d_base
  FROM golden.customer_order WHERE is_counted GROUP BY customer_id
)
SELECT customer_id, coalesce(b.orders, 0) AS orders, b.first_order_at, b.last_order_at,
       coalesce(b.gross_base, 0) AS gross_base,
       coalesce(b.refunds_base, 0) + coalesce(l.refunds_base, 0) AS refunds_base,
       coalesce(b.gross_base, 0) - coalesce(b.refunds_base, 0) - coalesce(l.refunds_base, 0) AS ltv_base,
       coalesce(b.converted, 0) AS converted, coalesce(b.unconverted, 0) + coalesce(l.unconverted, 0) AS unconverted,
       coalesce(b.frequency_365d, 0) AS frequency_365d, coalesce(b.monetary_365d_base, 0) AS monetary_365d_base
FROM bought b FULL JOIN loose l USING (customer_id)
WHERE customer_id IS NOT NULL;
