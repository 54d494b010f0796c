-- What spoils a load so that one check of the gate, and no other, fails. Blocks open with `-- spoil: <check_id>`.
-- Facts are added or removed in staging and golden alike where a difference between the two would be another check's affair.

-- spoil: key_present
UPDATE golden.ad_campaign SET campaign_key = NULL WHERE campaign_key = (SELECT min(campaign_key) FROM golden.ad_campaign);

-- spoil: key_unique
INSERT INTO golden.customer_attribute FROM golden.customer_attribute LIMIT 1;

-- spoil: record_placed
DELETE FROM identity.customer_xref
WHERE is_current AND record_key = (SELECT min(record_key) FROM identity.customer_xref WHERE is_current);

-- spoil: record_once
INSERT INTO identity.customer_xref BY NAME
SELECT * REPLACE (TIMESTAMP '2026-05-01' AS valid_from) FROM identity.customer_xref WHERE is_current LIMIT 1;

-- spoil: record_known
INSERT INTO identity.customer_xref BY NAME
SELECT * REPLACE ('stripe:customers:nobody' AS record_key) FROM identity.customer_xref WHERE is_current LIMIT 1;

-- spoil: reference_valid
UPDATE golden.ticket SET customer_id = 'c_nobody' WHERE ticket_key = (SELECT min(ticket_key) FROM golden.ticket);

-- spoil: reference_kept
UPDATE golden.ticket SET customer_id = NULL WHERE ticket_key IN (SELECT ticket_key FROM golden.ticket ORDER BY 1 LIMIT 6);
-- enough other tickets that six are few among all, but more than may lose their customer at once
INSERT INTO staging.ticket BY NAME SELECT t.* REPLACE (ticket_key || '-' || n AS ticket_key, opened_at + to_minutes(1) AS opened_at) FROM staging.ticket t, range(1) r(n);
INSERT INTO golden.ticket BY NAME
SELECT t.* REPLACE (ticket_key || '-' || n AS ticket_key, opened_at + to_minutes(1) AS opened_at, coalesce(customer_id, (SELECT min(customer_id) FROM golden.customer)) AS customer_id)
FROM golden.ticket t, range(1) r(n);

-- spoil: reference_resolved
-- a source that names nobody in many of its facts, and never did
INSERT INTO staging.lead BY NAME
SELECT l.* REPLACE (lead_key || '-' || n AS lead_key, 'stripe' AS source_system) FROM staging.lead l, range(1) r(n);
INSERT INTO golden.lead BY NAME
SELECT l.* REPLACE (lead_key || '-' || n AS lead_key, 'stripe' AS source_system, NULL AS customer_id) FROM golden.lead l, range(1) r(n);

-- spoil: reference_named
-- refunds of a payment that was never read
INSERT INTO staging.refund BY NAME
SELECT 'stripe:refunds:lost' || n AS refund_key, 'stripe' AS source_system, 'refunds' AS stream, 'lost' || n AS source_record_id,
       'ch_lost' AS payment_id, TIMESTAMP '2026-05-01' + to_hours(n) AS refunded_at, 'USD' AS currency, 1 AS amount, false AS is_test
FROM range(20) r(n);
INSERT INTO golden.refund BY NAME
SELECT * EXCLUDE (payment_id), amount AS amount_base, (SELECT min(customer_id) FROM golden.customer) AS customer_id, 'load' AS load_id
FROM (SELECT refund_key, source_system, stream, source_record_id, payment_id, refunded_at, currency, amount, is_test
      FROM staging.refund WHERE payment_id = 'ch_lost');

-- spoil: reconciled
UPDATE golden.invoice SET amount_due = amount_due + 0.01 WHERE invoice_key = (SELECT min(invoice_key) FROM golden.invoice);

-- spoil: rows_conserved
UPDATE ops.raw_load SET rows_extracted = rows_extracted + 1 WHERE source_system = 'stripe' AND stream = 'customers';

-- spoil: volume_drop
DELETE FROM staging.ad_spend_daily WHERE date_day < (SELECT quantile_disc(date_day, 0.4) FROM golden.ad_spend_daily);
DELETE FROM golden.ad_spend_daily WHERE date_day < (SELECT quantile_disc(date_day, 0.4) FROM golden.ad_spend_daily);

-- spoil: volume_growth
INSERT INTO staging.ad_campaign BY NAME
SELECT c.* REPLACE (campaign_key || '-' || r.n AS campaign_key) FROM staging.ad_campaign c, range(400) r(n);
INSERT INTO golden.ad_campaign BY NAME
SELECT c.* REPLACE (campaign_key || '-' || r.n AS campaign_key) FROM golden.ad_campaign c, range(400) r(n);

-- spoil: completeness_drop
UPDATE golden.customer SET email = NULL;

-- spoil: id_churn
UPDATE identity.customer_xref SET customer_id = 'c_moved'
WHERE is_current AND record_key IN (SELECT record_key FROM identity.customer_xref WHERE is_current ORDER BY record_key LIMIT 30);

-- spoil: merged_share
UPDATE identity.customer_registry SET status = 'merged'
WHERE customer_id IN (SELECT customer_id FROM identity.customer_registry WHERE status = 'active' ORDER BY 1 LIMIT 20);

-- spoil: cluster_size
UPDATE identity.resolution_run SET largest_cluster = 51;

-- spoil: quarantine_share
UPDATE ops.raw_load SET loaded_at = TIMESTAMP '2100-01-01' WHERE source_system = 'shopify' AND stream = 'orders';
INSERT INTO staging.rejected
SELECT 'shopify', 'orders', n::VARCHAR, 'customer_order', 'check', 'reason', 'hash', 'run', true, TIMESTAMP '2100-01-01'
FROM range(60) r(n);

-- spoil: dates_plausible
UPDATE golden.customer_order SET ordered_at = TIMESTAMP '2099-01-01'
WHERE order_key IN (SELECT order_key FROM golden.customer_order ORDER BY 1 LIMIT 8);

-- spoil: rate_known
UPDATE golden.payment SET amount_base = NULL WHERE payment_key = (SELECT min(payment_key) FROM golden.payment);

-- spoil: mailbox_own
INSERT INTO golden.customer_identifier BY NAME
WITH hoarder AS (SELECT max(customer_id) AS customer_id FROM golden.customer WHERE status = 'active')
SELECT i.* REPLACE (h.customer_id AS customer_id)
FROM golden.customer_identifier i, hoarder h
WHERE i.id_type = 'email' AND i.customer_id <> h.customer_id
  AND i.id_value NOT IN (SELECT id_value FROM golden.customer_identifier JOIN hoarder USING (customer_id))
QUALIFY row_number() OVER (PARTITION BY i.id_value ORDER BY i.customer_id) = 1;

-- spoil: mailbox_flood
UPDATE golden.customer_attribute SET value = 'office@example.net' WHERE attribute = 'email';

-- spoil: rows_doubled
INSERT INTO staging.ticket BY NAME SELECT * REPLACE (ticket_key || '-copy' AS ticket_key) FROM staging.ticket;
INSERT INTO golden.ticket BY NAME SELECT * REPLACE (ticket_key || '-copy' AS ticket_key) FROM golden.ticket;

-- spoil: currency_kept
UPDATE staging.invoice SET currency = 'CHF' WHERE invoice_key IN (SELECT invoice_key FROM golden.invoice ORDER BY 1 LIMIT 8);
UPDATE golden.invoice SET currency = 'CHF' WHERE invoice_key IN (SELECT invoice_key FROM golden.invoice ORDER BY 1 LIMIT 8);

-- spoil: currency_mix
-- most of what came is in a currency that the source never had
INSERT INTO staging.customer_order BY NAME
SELECT o.* REPLACE (order_key || '-' || n AS order_key, 'NZD' AS currency, ordered_at + to_seconds(1 + n) AS ordered_at)
FROM staging.customer_order o, range(2) r(n);
INSERT INTO golden.customer_order BY NAME
SELECT o.* REPLACE (order_key || '-' || n AS order_key, 'NZD' AS currency, ordered_at + to_seconds(1 + n) AS ordered_at)
FROM golden.customer_order o, range(2) r(n);

-- spoil: amount_scale
UPDATE staging.ad_spend_daily SET spend = spend * 100;
UPDATE golden.ad_spend_daily SET spend = spend * 100;

-- spoil: values_lost
UPDATE golden.ticket SET subject = NULL;

-- spoil: schema_kept
ALTER TABLE golden.ad_group DROP COLUMN ad_group_name;

-- With a history of usual loads behind them these warn; what else they break does not matter.

-- spoil with history: volume_usual
INSERT INTO golden.ad_campaign BY NAME
SELECT c.* REPLACE (campaign_key || '-' || r.n AS campaign_key) FROM golden.ad_campaign c, range(1500) r(n);

-- spoil with history: nulls_usual
UPDATE golden.ticket SET subject = NULL;

-- spoil with history: amounts_usual
UPDATE golden.ad_spend_daily SET spend = spend * 4;

-- spoil with history: match_rate_usual
UPDATE identity.customer_xref SET customer_id = record_key WHERE is_current;

-- spoil with history: cluster_sizes_usual
UPDATE identity.customer_xref SET customer_id = 'c_' || (hash(record_key) % 60) WHERE is_current;
