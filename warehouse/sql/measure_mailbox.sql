-- Of all e-mails the one that gained most records since the published load. Records with identical match keys count once. Only an
-- e-mail that was given to a record, or whose record has other match keys than it had, can have gained one.
WITH moved AS (SELECT record_key FROM identity.match_key ANTI JOIN {live}.identity.match_key USING (record_key, node_key)),
     stirred AS (SELECT DISTINCT value FROM golden.customer_attribute
                 WHERE attribute = 'email' AND (load_id = $load OR record_key IN (FROM moved))),
     email AS (SELECT value, record_key, node_key FROM golden.customer_attribute SEMI JOIN stirred USING (value)
               JOIN identity.match_key USING (record_key) WHERE attribute = 'email'),
     held_now AS (SELECT value, count(DISTINCT node_key) AS n FROM email GROUP BY value),
     held_before AS (SELECT value, count(DISTINCT node_key) AS was FROM {live}.golden.customer_attribute SEMI JOIN stirred USING (value)
                     JOIN {live}.identity.match_key USING (record_key) WHERE attribute = 'email' GROUP BY value),
     fullest AS (SELECT value, n, coalesce(was, 0) AS was FROM held_now LEFT JOIN held_before USING (value)
                 ORDER BY n - coalesce(was, 0) DESC, value LIMIT 1)
SELECT n AS holders, was AS holders_before,
       (SELECT list(record_key ORDER BY record_key)[1:20] FROM email SEMI JOIN fullest USING (value)) AS mailbox_flood_examples,
       (SELECT count(DISTINCT node_key) FROM identity.match_key) AS records
FROM fullest
