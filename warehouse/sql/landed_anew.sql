-- Landed rows as versions of their records, but for those that raw holds already and those that are reduced.
CREATE OR REPLACE TEMP TABLE landed_anew AS
WITH landed AS (
  SELECT filename AS part, file_row_number AS row_no, source_record_id, op, payload::JSON AS payload, payload_hash,
         make_timestamp(epoch_us(source_updated_at)) AS source_updated_at, make_timestamp(epoch_us(extracted_at)) AS extracted_at,
         merged_into
  FROM read_parquet($parts, filename = true, file_row_number = true)
  WHERE op IN ('upsert', 'merge') AND NOT {is_reduced}
), current AS (
  SELECT source_record_id, arg_max(op, version) AS op, arg_max(payload_hash, version) AS payload_hash
  FROM {table} SEMI JOIN landed USING (source_record_id) GROUP BY source_record_id
)
SELECT l.*, $source AS source_system, $stream AS stream, 0::BIGINT AS raw_seq, 1 AS version, '' AS sync_run_id,
       row_number() OVER (PARTITION BY l.source_record_id ORDER BY l.part, l.row_no) AS round
FROM landed l ANTI JOIN current USING (source_record_id, op, payload_hash)
