INSERT INTO {table}
SELECT nextval('raw.raw_seq'), $source, $stream, source_record_id,
       coalesce(known_version, 0) + row_number() OVER (PARTITION BY source_record_id ORDER BY source_updated_at NULLS FIRST, read_order),
       op, CASE WHEN op = 'delete' AND payload = '{}' THEN NULL ELSE payload END, payload_hash,
       source_updated_at AT TIME ZONE 'UTC', extracted_at AT TIME ZONE 'UTC', merged_into, $run
FROM landed_version
WHERE NOT is_unchanged
ORDER BY read_order
