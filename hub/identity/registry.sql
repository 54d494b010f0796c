-- The registry: which lasting ID each cluster has. id_assigned (cluster, customer_id, how) says so already; this draws the consequences.

-- IDs that have no cluster of their own lead to the customer that now holds most of the records they had last
CREATE OR REPLACE TEMP TABLE id_destination AS
WITH held AS (
  SELECT customer_id, cluster, count(*) AS records, bool_or(record_key = seed_record_key) AS has_seed
  FROM id_last JOIN id_member USING (record_key) JOIN id_live_registry USING (customer_id)
  GROUP BY customer_id, cluster
)
SELECT h.customer_id, a.customer_id AS destination
FROM held AS h JOIN id_assigned AS a USING (cluster)
QUALIFY row_number() OVER (PARTITION BY h.customer_id ORDER BY records DESC, has_seed DESC, cluster) = 1;

CREATE OR REPLACE TEMP TABLE id_registry AS
WITH judged AS (
  SELECT g.*, a.cluster IS NOT NULL AS assigned, destination
  FROM id_live_registry AS g LEFT JOIN id_assigned AS a USING (customer_id) LEFT JOIN id_destination USING (customer_id)
), decided AS (
  SELECT * REPLACE (
    CASE
      WHEN status = 'erased' THEN 'erased'
      WHEN assigned THEN 'active'
      WHEN destination IS NOT NULL OR status = 'merged' THEN 'merged'
      ELSE 'retired' END AS status,
    CASE
      WHEN status = 'erased' OR assigned THEN customer_id
      WHEN destination IS NOT NULL THEN destination
      WHEN status = 'merged' THEN current_customer_id
      ELSE customer_id END AS current_customer_id,
    CASE
      WHEN status = 'erased' THEN retired_at
      WHEN assigned OR destination IS NOT NULL OR status = 'merged' THEN NULL
      ELSE coalesce(retired_at, $now) END AS retired_at)
  FROM judged
), all_ids AS (
  -- one hop is enough to compress the path: what an ID led to before was active or retired then
  SELECT d.* EXCLUDE (assigned, destination) REPLACE (coalesce(t.current_customer_id, d.current_customer_id) AS current_customer_id)
  FROM decided AS d LEFT JOIN decided AS t ON t.customer_id = d.current_customer_id
  UNION ALL BY NAME
  SELECT customer_id, 'active' AS status, customer_id AS current_customer_id, seed_record_key, seed_ordinal, $now AS minted_at,
    $run_id AS minted_run_id, NULL AS retired_at
  FROM id_minted
)
FROM all_ids;

-- records that were one customer's and are now another's, together
CREATE OR REPLACE TEMP TABLE id_moved AS
SELECT x.customer_id AS old_id, a.customer_id AS new_id, a.how, list(record_key ORDER BY record_key) AS record_keys,
  CASE
    WHEN bool_or(record_key IN (SELECT record_key FROM id_ruled)) THEN 'steward'
    WHEN bool_or(record_key IN (SELECT record_key FROM id_source_merged)) THEN 'source_merge'
    ELSE 'linkage' END AS cause
FROM id_live_xref AS x JOIN id_member USING (record_key) JOIN id_assigned AS a USING (cluster)
WHERE x.is_current AND x.customer_id <> a.customer_id
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE id_event AS
WITH event AS (
  SELECT 'create' AS event_type, a.customer_id, NULL AS other_customer_id, list(record_key ORDER BY record_key) AS record_keys,
    CASE
      WHEN a.customer_id IN (SELECT new_id FROM id_moved) THEN 'split'
      WHEN $has_live THEN 'new_records'
      ELSE 'first_load' END AS cause
  FROM id_assigned AS a JOIN id_member USING (cluster) WHERE how = 'minted' GROUP BY a.customer_id
  UNION ALL
  SELECT CASE WHEN g.current_customer_id = new_id THEN 'merge' WHEN how = 'restored' THEN 'unmerge' ELSE 'split' END AS event_type,
    CASE WHEN event_type = 'split' THEN old_id ELSE new_id END,
    CASE WHEN event_type = 'split' THEN new_id ELSE old_id END,
    record_keys, cause
  FROM id_moved JOIN id_registry AS g ON g.customer_id = old_id
  UNION ALL
  SELECT 'unmerge', a.customer_id, NULL, list(record_key ORDER BY record_key), 'records_returned'
  FROM id_assigned AS a JOIN id_member USING (cluster)
  WHERE how = 'restored' AND a.customer_id NOT IN (SELECT new_id FROM id_moved) GROUP BY a.customer_id
  UNION ALL
  SELECT 'merge', g.current_customer_id, g.customer_id, list(record_key ORDER BY record_key), 'records_returned'
  FROM id_registry AS g JOIN id_live_registry AS o USING (customer_id) JOIN id_last USING (customer_id)
  WHERE g.status = 'merged' AND o.status = 'retired' GROUP BY g.current_customer_id, g.customer_id
  UNION ALL
  SELECT 'retire', g.customer_id, NULL, list(record_key ORDER BY record_key), 'deleted_at_source'
  FROM id_registry AS g JOIN id_live_registry AS o USING (customer_id) JOIN id_last USING (customer_id)
  WHERE g.status = 'retired' AND o.status <> 'retired' GROUP BY g.customer_id
)
SELECT md5(concat_ws('|', $run_id, event_type, customer_id, other_customer_id)) AS event_id, event_type, customer_id, other_customer_id,
  record_keys, cause, $run_id AS run_id, $now AS occurred_at
FROM event;
