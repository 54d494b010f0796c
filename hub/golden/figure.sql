-- What each customer did, in figures that are its own: always from the facts and never from figures of before. Nothing in here changes
-- merely because a day went by, but the two of the last 365 days, on the day on which a purchase leaves them.
CREATE OR REPLACE TEMP TABLE figure AS
WITH base AS (
  SELECT base_currency IS NOT NULL AS is_known FROM golden.reporting
), billed AS (
  SELECT customer_id, sum(amount_due_base) FILTER (status = 'open') AS open_balance_base,
         -- one that is a sale besides is counted there
         count(*) FILTER (status = 'open' AND NOT is_sale AND amount_due IS NOT NULL AND amount_due_base IS NULL) AS unconverted
  FROM golden.invoice WHERE is_counted GROUP BY customer_id
), asked AS (
  SELECT customer_id, count(*) AS tickets, count(*) FILTER (is_open) AS open_tickets,
         round(avg(CASE satisfaction WHEN 'good' THEN 1 WHEN 'neutral' THEN 0.5 WHEN 'bad' THEN 0 END), 4) AS avg_csat
  FROM golden.ticket WHERE NOT is_test GROUP BY customer_id
), touched AS (
  SELECT customer_id,
         min_by(channel_group, (occurred_at, touchpoint_key)) AS first_touch_channel,
         max_by(channel_group, (occurred_at, touchpoint_key)) AS last_touch_channel
  FROM golden.touchpoint WHERE customer_id IS NOT NULL AND channel_group <> 'unknown' GROUP BY customer_id
)
SELECT c.customer_id,
       coalesce(v.orders, 0) AS orders, v.first_order_at, v.last_order_at,
       coalesce(v.purchases, 0) AS purchases, v.first_purchase_at, v.last_purchase_at,
       CASE WHEN b.is_known THEN coalesce(v.gross_base, 0) END AS gross_base,
       CASE WHEN b.is_known THEN coalesce(v.refunds_base, 0) END AS refunds_base,
       CASE WHEN b.is_known THEN coalesce(v.ltv_base, 0) END AS ltv_base,
       CASE WHEN b.is_known AND v.converted > 0 THEN TRY_CAST(round(v.gross_base / v.converted, 4) AS DECIMAL(18,4)) END AS aov_base,
       coalesce(v.frequency_365d, 0) AS frequency_365d,
       CASE WHEN b.is_known THEN coalesce(v.monetary_365d_base, 0) END AS monetary_365d_base,
       CASE WHEN b.is_known THEN coalesce(i.open_balance_base, 0) END AS open_balance_base,
       coalesce(v.unconverted, 0) + coalesce(i.unconverted, 0) AS unconverted_facts,
       coalesce(t.tickets, 0) AS tickets, coalesce(t.open_tickets, 0) AS open_tickets, t.avg_csat,
       h.first_touch_channel, h.last_touch_channel
FROM golden.customer c
CROSS JOIN base b
LEFT JOIN customer_value v USING (customer_id)
LEFT JOIN billed i USING (customer_id)
LEFT JOIN asked t USING (customer_id)
LEFT JOIN touched h USING (customer_id);
