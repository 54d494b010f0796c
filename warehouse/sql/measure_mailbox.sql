-- Of all e-mails the one that gained most records since the published load. Records with identical match keys count once.
WITH held_now AS (
  SELECT a.value, count(DISTINCT k.node_key) AS n, list(a.record_key ORDER BY a.record_key)[1:20] AS keys
  FROM golden.customer_attribute a JOIN identity.match_key k USING (record_key) WHERE a.attribute = 'email' GROUP BY a.value
), held_before AS ({before})
SELECT n AS holders, coalesce(was, 0) AS holders_before, keys AS mailbox_flood_examples,
       (SELECT count(DISTINCT node_key) FROM identity.match_key) AS records
FROM held_now LEFT JOIN held_before USING (value)
ORDER BY n - coalesce(was, 0) DESC, value
LIMIT 1
