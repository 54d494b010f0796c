-- Parties that are gone at their source: deleted, or merged into another.
SELECT source_system, stream, source_record_id, op, merged_into, source_updated_at, sync_run_id, payload_hash
FROM arrived WHERE op <> 'upsert'
