-- A record that changed only because we wrote to it is as old as it was: our own writing makes none of its values newer.
UPDATE arrived AS a SET source_updated_at = e.source_updated_at
FROM ops.writeback_echo AS e
WHERE e.source_system = a.source_system AND e.stream = a.stream AND e.source_record_id = a.source_record_id
  AND e.echo_at = a.source_updated_at
