-- A complete snapshot was read: what is current in raw but absent from it is gone at the source.
INSERT INTO {table}
SELECT nextval('raw.raw_seq'), $source, $stream, source_record_id, version + 1, 'delete', NULL, '', NULL, $now, NULL, $run
FROM (
  SELECT source_record_id, max(version) AS version, arg_max(op, version) AS op
  FROM {table} GROUP BY source_record_id
) current
WHERE op <> 'delete'
  AND source_record_id NOT IN (SELECT source_record_id FROM landed_part WHERE read_order >= $reading)
