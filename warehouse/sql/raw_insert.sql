INSERT INTO {table}
SELECT nextval('raw.raw_seq'), $source, $stream, l.source_record_id, v.version,
       l.op, CASE WHEN l.op = 'delete' AND l.payload = '{}' THEN NULL ELSE l.payload END, l.payload_hash,
       make_timestamp(epoch_us(l.source_updated_at)), make_timestamp(epoch_us(l.extracted_at)), l.merged_into, $run
FROM read_parquet($parts, filename = true, file_row_number = true) l
JOIN (
  SELECT read_order,
         coalesce(known_version, 0)
           + row_number() OVER (PARTITION BY source_record_id ORDER BY source_updated_at NULLS FIRST, read_order) AS version
  FROM landed_version
  WHERE NOT is_unchanged
) v ON v.read_order = {read_order}
