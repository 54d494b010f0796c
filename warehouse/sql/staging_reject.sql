INSERT INTO staging.rejected
SELECT c.source_system, c.stream, c.source_record_id, $target, f.check_id, f.reason, c.payload_hash, c.sync_run_id,
       a.version = 1, $now
FROM candidate c
JOIN faulty f ON f.key = c.{key}
JOIN arrived a USING (source_record_id)
