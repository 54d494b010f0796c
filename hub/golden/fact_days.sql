-- The currencies that facts are in, and the UTC days on which they were: what rates are needed for.
CREATE OR REPLACE TEMP TABLE fact_currency AS
SELECT DISTINCT currency FROM (
  SELECT DISTINCT currency FROM staging.customer_order
  UNION ALL SELECT DISTINCT currency FROM staging.order_line
  UNION ALL SELECT DISTINCT currency FROM staging.invoice
  UNION ALL SELECT DISTINCT currency FROM staging.payment
  UNION ALL SELECT DISTINCT currency FROM staging.refund
  UNION ALL SELECT DISTINCT currency FROM staging.ad_spend_daily
) WHERE currency IS NOT NULL;

CREATE OR REPLACE TEMP TABLE fact_day AS
SELECT DISTINCT day FROM (
  SELECT DISTINCT ordered_at::DATE AS day FROM staging.customer_order
  UNION ALL SELECT DISTINCT source_created_at::DATE FROM staging.order_line
  UNION ALL SELECT DISTINCT issued_at::DATE FROM staging.invoice
  UNION ALL SELECT DISTINCT paid_at::DATE FROM staging.payment
  UNION ALL SELECT DISTINCT refunded_at::DATE FROM staging.refund
  UNION ALL SELECT DISTINCT date_day FROM staging.ad_spend_daily
) WHERE day IS NOT NULL;
