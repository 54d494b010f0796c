-- Live source records against the crosswalk's current rows.
WITH current AS (SELECT record_key FROM identity.customer_xref WHERE is_current),
     live AS (SELECT record_key FROM staging.party_record WHERE NOT is_deleted),
     unplaced AS (SELECT record_key FROM live ANTI JOIN current USING (record_key)),
     doubled AS (SELECT record_key FROM current GROUP BY record_key HAVING count(*) > 1),
     stray AS (SELECT DISTINCT record_key FROM current ANTI JOIN live USING (record_key))
SELECT (SELECT count(*) FROM live) AS records_live,
       (SELECT count(*) FROM current) AS current_rows,
       (SELECT count(DISTINCT record_key) FROM current) AS distinct_current_records,
       (SELECT count(*) FROM stray) AS unknown_records,
       (SELECT list(record_key ORDER BY record_key)[1:20] FROM unplaced) AS record_placed_examples,
       (SELECT list(record_key ORDER BY record_key)[1:20] FROM doubled) AS record_once_examples,
       (SELECT list(record_key ORDER BY record_key)[1:20] FROM stray) AS record_known_examples
