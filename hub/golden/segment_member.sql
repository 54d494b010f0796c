-- Memberships of before that go on or end, those that ended long ago, and new ones. {before} holds the published ones.
CREATE OR REPLACE TABLE golden.segment_member AS
SELECT b.segment_key, b.customer_id, b.entered_at,
       CASE WHEN b.exited_at IS NULL AND n.customer_id IS NULL THEN getvariable('segment_time') ELSE b.exited_at END AS exited_at,
       b.rule_hash
FROM {before} b
LEFT JOIN segment_now n ON n.segment_key = b.segment_key AND n.customer_id = b.customer_id AND n.rule_hash = b.rule_hash
UNION ALL
SELECT n.segment_key, n.customer_id, getvariable('segment_time'), NULL, n.rule_hash
FROM segment_now n
ANTI JOIN (FROM {before} WHERE exited_at IS NULL) b
  ON b.segment_key = n.segment_key AND b.customer_id = n.customer_id AND b.rule_hash = n.rule_hash;
