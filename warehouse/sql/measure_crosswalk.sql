-- Live source records against the crosswalk's current rows. Of most nothing is to be told, as each is there once on both sides.
WITH current AS NOT MATERIALIZED (SELECT record_key FROM identity.customer_xref WHERE is_current),
     live AS NOT MATERIALIZED (SELECT record_key FROM staging.party_record WHERE NOT is_deleted),
     alone AS (SELECT live.record_key AS unplaced, current.record_key AS stray FROM live FULL JOIN current USING (record_key)
               WHERE live.record_key IS NULL OR current.record_key IS NULL),
     counted AS (SELECT count(*) AS current_rows, count(DISTINCT record_key) AS distinct_current_records FROM current),
     doubled AS (SELECT record_key FROM current WHERE (SELECT current_rows > distinct_current_records FROM counted)
                 GROUP BY record_key HAVING count(*) > 1)
SELECT (SELECT count(*) FROM live) AS records_live,
       current_rows,
       distinct_current_records,
       (SELECT count(DISTINCT stray) FROM alone) AS unknown_records,
       (SELECT min(unplaced, 20) FROM alone) AS record_placed_examples,
       (SELECT min(record_key, 20) FROM doubled) AS record_once_examples,
       (SELECT min(stray, 20) FROM (SELECT DISTINCT stray FROM alone)) AS record_known_examples
FROM counted
