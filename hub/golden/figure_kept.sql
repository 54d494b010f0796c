-- The figures of the customers that are not made anew are those of the published load.
INSERT INTO figure BY NAME
SELECT customer_id, orders, first_order_at, last_order_at, purchases, first_purchase_at, last_purchase_at, gross_base, refunds_base,
       ltv_base, aov_base, frequency_365d, monetary_365d_base, open_balance_base, unconverted_facts, tickets, open_tickets, avg_csat, first_touch_channel, last_touch_channel
FROM golden.customer_metrics ANTI JOIN touched_customer USING (customer_id);
