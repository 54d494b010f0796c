-- Times by their microseconds: AT TIME ZONE goes through a calendar, and takes three times as long. The order of arrival is worked
-- out from where a row landed: nextval would have all rows pass through one thread.
INSERT INTO {table}
SELECT $before[{part} - $first_part + 1] + file_row_number, $source, $stream, source_record_id, 1, op, payload, payload_hash,
       make_timestamp(epoch_us(source_updated_at)), make_timestamp(epoch_us(extracted_at)), merged_into, $run
FROM read_parquet($parts, filename = true, file_row_number = true)
WHERE op <> 'reject'
