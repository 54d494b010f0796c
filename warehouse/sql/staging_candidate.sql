-- A block's rows with their keys, ready to be judged. `m` is what the mapping yielded, `s` the source's defaults.
CREATE OR REPLACE TEMP TABLE candidate AS
SELECT row_number() OVER () - 1 AS row_no, *{replaced}
FROM (SELECT
  {key} AS {key_name},
  a.source_system, a.stream, a.source_record_id,
  {columns},
  a.source_updated_at, a.sync_run_id, a.payload_hash
FROM mapped m
JOIN arrived a USING (source_record_id)
CROSS JOIN source_default s)
