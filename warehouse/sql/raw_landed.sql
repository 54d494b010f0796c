-- What landed, without the payloads, which are as large as all the rest together and are read again when they are inserted.
CREATE OR REPLACE TEMP TABLE landed_part AS
SELECT source_record_id, op, payload_hash, source_updated_at, {read_order} AS read_order
FROM read_parquet($parts, filename = true, file_row_number = true)
WHERE op <> 'reject'
