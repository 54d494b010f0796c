-- How many records a mapping yields of which staging has neither a row nor a reason why not.
SELECT count(DISTINCT m.source_record_id)
FROM ({select}) AS m
WHERE m.source_record_id NOT IN (
        SELECT source_record_id FROM staging.{table} WHERE source_system = $source AND stream = $stream)
  AND m.source_record_id NOT IN (
        SELECT source_record_id FROM staging.rejected WHERE source_system = $source AND stream = $stream)
