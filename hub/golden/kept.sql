-- Facts of the published load whose party has since been deleted at its source, and that party: the source names nobody any more, or
-- a guest, and the fact stays with whom it had. {live} is the published load's catalog.
CREATE OR REPLACE TEMP TABLE kept AS
SELECT f.fact_key, f.party_record_key
FROM (
  SELECT order_key AS fact_key, party_record_key FROM {live}.golden.customer_order WHERE party_record_key <> order_key
  UNION ALL
  SELECT invoice_key, party_record_key FROM {live}.golden.invoice
  UNION ALL
  SELECT payment_key, party_record_key FROM {live}.golden.payment
  UNION ALL
  SELECT ticket_key, party_record_key FROM {live}.golden.ticket
) f
JOIN owner o ON o.record_key = f.party_record_key AND NOT o.is_current
