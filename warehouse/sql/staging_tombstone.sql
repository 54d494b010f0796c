-- A party that is gone at the source keeps its key, so that everybody can see it is gone, and none of its values. One that was merged
-- into another is there already where the mapping yielded it.
INSERT INTO staging.party_record BY NAME
WITH gone AS (
  SELECT source_system || ':' || stream || ':' || source_record_id AS record_key, source_system, stream, source_record_id,
         source_updated_at, sync_run_id, payload_hash
  FROM waiting_gone
)
SELECT *, 'unknown' AS party_type, 'customer' AS record_role, 'missing' AS email_status, 'missing' AS phone_status,
       'missing' AS birth_date_status, false AS email_is_role, true AS is_deleted, false AS is_test
FROM gone ANTI JOIN staging.party_record USING (record_key)
