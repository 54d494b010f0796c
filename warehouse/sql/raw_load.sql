-- Which landed rows are new versions. A row is unchanged if it equals the version before it: the current one in raw for the
-- first of a record in this batch, else the one before it in the batch (greatest source time last, then the last read).
CREATE OR REPLACE TEMP TABLE landed_version AS
WITH known AS (
  SELECT source_record_id, max(version) AS version,
         arg_max(op, version) AS op, arg_max(payload_hash, version) AS payload_hash
  FROM {table} SEMI JOIN landed_part USING (source_record_id)
  GROUP BY source_record_id
), stepped AS (
  SELECT l.source_record_id, l.op, l.payload_hash, l.source_updated_at, l.read_order, k.version AS known_version,
         coalesce(lag(l.op) OVER batch, k.op) AS op_before,
         coalesce(lag(CASE WHEN l.op = 'delete' THEN '' ELSE l.payload_hash END) OVER batch,
                  CASE WHEN k.op = 'delete' THEN '' ELSE k.payload_hash END) AS hash_before
  FROM landed_part l LEFT JOIN known k USING (source_record_id)
  WINDOW batch AS (PARTITION BY l.source_record_id ORDER BY l.source_updated_at NULLS FIRST, l.read_order)
)
SELECT source_record_id, op, source_updated_at, read_order, known_version,
       op_before IS NULL AS is_new,
       CASE WHEN op = 'delete' THEN coalesce(op_before, 'delete') = 'delete'   -- gone already, or never seen
            ELSE op_before IS NOT DISTINCT FROM op AND hash_before IS NOT DISTINCT FROM payload_hash END AS is_unchanged
FROM stepped
