-- The sources that have orders, and whose orders do not tell what was refunded.
CREATE OR REPLACE TEMP TABLE silent_source AS
SELECT source_system FROM golden.customer_order GROUP BY source_system HAVING count(refund_amount) = 0;
