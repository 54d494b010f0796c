-- Times by their microseconds: AT TIME ZONE goes through a calendar, and takes three times as long.
INSERT INTO {table}
SELECT nextval('raw.raw_seq'), $source, $stream, source_record_id, 1, op, payload, payload_hash,
       make_timestamp(epoch_us(source_updated_at)), make_timestamp(epoch_us(extracted_at)), merged_into, $run
FROM read_parquet($parts)
WHERE op <> 'reject'
