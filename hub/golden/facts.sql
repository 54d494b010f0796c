-- Facts stay keyed by source record and get their customer through the crosswalk, here and nowhere else.
CREATE OR REPLACE TABLE golden.customer_order AS
SELECT f.order_key, o.customer_id, f.party_record_key, f.source_system, f.stream, f.source_record_id, f.order_number, f.ordered_at,
       f.status, f.currency, f.gross_amount, f.discount_amount, f.tax_amount, f.shipping_amount, f.refund_amount,
       (f.gross_amount - coalesce(f.refund_amount, 0))::DECIMAL(18,4) AS net_amount,
       CASE WHEN o.customer_id IS NOT NULL AND NOT f.is_test THEN
         row_number() OVER (PARTITION BY o.customer_id, f.is_test ORDER BY f.ordered_at, f.order_key) END AS customer_order_seq,
       f.landing_url, f.referrer_url, f.is_test, f.source_updated_at
FROM staging.customer_order f LEFT JOIN owner o ON o.record_key = f.party_record_key;

CREATE OR REPLACE TABLE golden.invoice AS
SELECT f.invoice_key, o.customer_id, f.party_record_key, f.source_system, f.stream, f.source_record_id, f.invoice_number, f.issued_at,
       f.due_at, f.paid_at, f.status, f.currency, f.total_amount, f.amount_paid, f.amount_due, f.is_test, f.source_updated_at
FROM staging.invoice f LEFT JOIN owner o ON o.record_key = f.party_record_key;

CREATE OR REPLACE TABLE golden.payment AS
SELECT f.payment_key, o.customer_id, f.party_record_key, f.source_system, f.stream, f.source_record_id,
       i.invoice_key, f.paid_at, f.status, f.currency, f.amount, f.refund_amount, f.method, f.is_test, f.source_updated_at
FROM staging.payment f
LEFT JOIN owner o ON o.record_key = f.party_record_key
LEFT JOIN staging.invoice i ON i.source_system = f.source_system AND i.source_record_id = f.invoice_id;

CREATE OR REPLACE TABLE golden.ticket AS
SELECT f.ticket_key, o.customer_id, f.party_record_key, f.source_system, f.stream, f.source_record_id, f.subject, f.channel, f.status,
       f.status IN ('new', 'open', 'pending', 'on_hold') AS is_open, f.priority, f.opened_at, f.solved_at, f.is_test, f.source_updated_at
FROM staging.ticket f LEFT JOIN owner o ON o.record_key = f.party_record_key;

CREATE OR REPLACE TABLE golden.ad_campaign AS
SELECT campaign_key, platform, account_id, campaign_id, campaign_name, status, currency, timezone, source_system, stream,
       source_record_id, is_test, source_updated_at
FROM staging.ad_campaign;

CREATE OR REPLACE TABLE golden.lead AS
SELECT f.lead_key, o.customer_id, f.party_record_key, f.source_system, f.stream, f.source_record_id, f.platform, f.account_id,
       c.campaign_key, f.campaign_id, f.ad_group_id, f.ad_id, f.form_id, f.click_id_type, f.click_id, f.lead_source, f.submitted_at,
       f.is_test, f.source_updated_at
FROM staging.lead f
LEFT JOIN owner o ON o.record_key = f.party_record_key
LEFT JOIN staging.ad_campaign c ON c.source_system = f.source_system AND c.campaign_id = f.campaign_id
  AND c.account_id IS NOT DISTINCT FROM f.account_id;

-- spend has no person; it meets customers through campaigns
CREATE OR REPLACE TABLE golden.ad_spend_daily AS
SELECT f.spend_key, f.platform, f.account_id, c.campaign_key, f.campaign_id, f.ad_group_id, f.ad_id, f.date_day, f.currency, f.spend,
       f.impressions, f.clicks, f.platform_conversions, f.platform_conversion_value, f.source_system, f.stream, f.source_record_id,
       f.is_test, f.source_updated_at
FROM staging.ad_spend_daily f
LEFT JOIN staging.ad_campaign c ON c.source_system = f.source_system AND c.campaign_id = f.campaign_id
  AND c.account_id IS NOT DISTINCT FROM f.account_id;
