-- Facts whose currency, or that of what is taken off them, is worth something else on their day. A line's day is its order's; a refund's or
-- payment's share in an order or invoice goes by the day of that.
INSERT INTO repriced_fact
SELECT 'customer_order', o.order_key FROM golden.customer_order AS o SEMI JOIN repriced AS p ON p.currency = o.currency AND p.day = o.ordered_at::DATE
UNION
SELECT 'customer_order', o.order_key FROM golden.customer_order AS o JOIN golden.refund AS r USING (order_key)
SEMI JOIN repriced AS p ON p.currency = r.currency AND p.day = o.ordered_at::DATE
UNION
SELECT 'order_line', l.order_line_key FROM staging.order_line AS l
JOIN golden.order_line AS g USING (order_line_key)
LEFT JOIN golden.customer_order AS o ON o.order_key = g.order_key
SEMI JOIN repriced AS p ON p.currency = l.currency AND p.day = coalesce(o.ordered_at, l.source_created_at)::DATE
UNION
SELECT 'invoice', i.invoice_key FROM golden.invoice AS i SEMI JOIN repriced AS p ON p.currency = i.currency AND p.day = i.issued_at::DATE
UNION
SELECT 'invoice', i.invoice_key FROM golden.invoice AS i JOIN golden.refund AS r USING (invoice_key)
SEMI JOIN repriced AS p ON p.currency = r.currency AND p.day = i.issued_at::DATE
UNION
SELECT 'invoice', i.invoice_key FROM golden.invoice AS i JOIN golden.payment AS y USING (invoice_key)
SEMI JOIN repriced AS p ON p.currency = y.currency AND p.day = i.issued_at::DATE
UNION
SELECT 'invoice', i.invoice_key FROM golden.invoice AS i JOIN golden.payment AS y USING (invoice_key)
JOIN golden.refund AS r ON r.payment_key = y.payment_key
SEMI JOIN repriced AS p ON p.currency = r.currency AND p.day = i.issued_at::DATE
UNION
SELECT 'payment', y.payment_key FROM golden.payment AS y SEMI JOIN repriced AS p ON p.currency = y.currency AND p.day = y.paid_at::DATE
UNION
SELECT 'refund', r.refund_key FROM golden.refund AS r SEMI JOIN repriced AS p ON p.currency = r.currency AND p.day = r.refunded_at::DATE
UNION
SELECT 'ad_spend_daily', f.spend_key FROM golden.ad_spend_daily AS f SEMI JOIN repriced AS p ON p.currency = f.currency AND p.day = f.date_day;
