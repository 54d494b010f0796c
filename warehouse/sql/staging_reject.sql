-- What is quarantined is the record, once per table: for the first of its rows that is turned down, which the reason names.
INSERT INTO staging.rejected
WITH turned_down AS (
  SELECT c.source_record_id, c.source_system, c.stream, c.payload_hash, c.sync_run_id, f.row_no, f.check_id,
         f.reason || coalesce(' ({part_name} ' || {part} || ')', '') AS reason
  FROM faulty f JOIN candidate c USING (row_no)
), first_row AS (
  SELECT source_record_id, any_value(source_system) AS source_system, any_value(stream) AS stream,
         any_value(payload_hash) AS payload_hash, any_value(sync_run_id) AS sync_run_id,
         arg_min(check_id, row_no) AS check_id,
         arg_min(reason, row_no) || CASE WHEN count(*) > 1 THEN '; ' || count(*) || ' rows of it are unfit' ELSE '' END AS reason
  FROM turned_down GROUP BY source_record_id
)
SELECT r.source_system, r.stream, r.source_record_id, $target, r.check_id, r.reason, r.payload_hash, r.sync_run_id,
       a.version = 1, $now
FROM first_row r JOIN arrived a USING (source_record_id)
