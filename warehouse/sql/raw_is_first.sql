-- Whether all that landed are first versions: nothing of the stream is in raw, and no record landed twice or deleted.
SELECT NOT EXISTS (FROM {table}) AND count(*) = count(DISTINCT source_record_id) AND bool_and(op = 'upsert')
FROM read_parquet($parts)
WHERE op <> 'reject'
