-- What each record of a stream shall hold, as the published load has it: writeback_wanted (record, customer_id, field, attribute,
-- text, digest), and which of it differs from what the outbox knows: writeback_owed. {entries} has a struct per field.
CREATE OR REPLACE TEMP TABLE writeback_wanted AS
WITH grouped AS (
  SELECT customer_id, string_agg(segment_key, ', ' ORDER BY segment_key) AS segments
  FROM golden.segment_member WHERE exited_at IS NULL GROUP BY customer_id
), told AS (
  SELECT x.source_record_id AS record, customer_id, unnest([{entries}]) AS entry
  FROM identity.customer_xref AS x JOIN golden.customer_360 AS c USING (customer_id) LEFT JOIN grouped AS g USING (customer_id)
  WHERE x.is_current AND x.source_system = $source AND x.stream = $stream AND c.status = 'active'
), digested AS (
  SELECT record, customer_id, entry.field AS field, entry.attribute AS attribute, entry.once AS once, entry.text AS text,
         sha256($salt || entry.text) AS digest
  FROM told
), placed AS (
  -- where a vendor takes a value once only, one record of a customer has it: the one that has it already, else the first
  SELECT d.*, row_number() OVER (
      PARTITION BY d.customer_id, d.field
      ORDER BY coalesce(s.confirmed_digest = d.digest, false) DESC, coalesce(s.status IN ('kept', 'dead', 'gone'), false),
               length(d.record), d.record) = 1 AS first
  FROM digested AS d LEFT JOIN writeback_state AS s ON s.source_record_id = d.record AND s.field = d.field
)
SELECT record, customer_id, field, attribute,
       CASE WHEN first OR NOT once THEN text END AS text, CASE WHEN first OR NOT once THEN digest END AS digest
FROM placed;

CREATE OR REPLACE TEMP TABLE writeback_owed AS
SELECT w.*, s.confirmed_digest, s.status, s.tried_at
FROM writeback_wanted AS w LEFT JOIN writeback_state AS s ON s.source_record_id = w.record AND s.field = w.field
WHERE $verify OR CASE coalesce(s.status, 'new')
  WHEN 'new' THEN w.digest IS NOT NULL
  WHEN 'confirmed' THEN w.digest IS DISTINCT FROM s.confirmed_digest
  -- it was about to be written, and whether it was nobody knows: also where the value is what it was before
  WHEN 'owed' THEN true
  -- what was refused or is somebody else's is not asked again for the same value
  WHEN 'dead' THEN s.wanted_digest IS DISTINCT FROM w.digest
  ELSE w.digest IS NOT NULL AND (s.wanted_digest IS DISTINCT FROM w.digest OR (s.status = 'kept' AND $overwrite)) END
