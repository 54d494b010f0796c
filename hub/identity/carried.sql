-- IDs that were issued in loads after the one that is gone back to, for good: {kept} is that one's schema, {left} the newer one's.
CREATE OR REPLACE TEMP TABLE id_carried AS FROM {left}.customer_registry ANTI JOIN {kept}.customer_registry USING (customer_id);

CREATE OR REPLACE TEMP TABLE id_carried_xref AS
SELECT x.* REPLACE (coalesce(valid_to, $now) AS valid_to, false AS is_current)
FROM {left}.customer_xref AS x SEMI JOIN id_carried USING (customer_id);

-- where the records are that an ID had last
CREATE OR REPLACE TEMP TABLE id_carried_to AS
WITH last AS (
  SELECT customer_id, record_key FROM id_carried_xref QUALIFY valid_to = max(valid_to) OVER (PARTITION BY customer_id)
), held AS (
  SELECT c.customer_id, x.customer_id AS destination, count(*) AS records, bool_or(record_key = c.seed_record_key) AS has_seed
  FROM id_carried AS c JOIN last USING (customer_id) JOIN {kept}.customer_xref AS x USING (record_key)
  WHERE x.is_current GROUP BY c.customer_id, x.customer_id
)
SELECT customer_id, destination FROM held
QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY records DESC, has_seed DESC, destination) = 1;

INSERT INTO {kept}.customer_registry BY NAME
SELECT c.* REPLACE (
  CASE WHEN c.status = 'erased' THEN 'erased' WHEN coalesce(destination, k.current_customer_id) IS NULL THEN 'retired' ELSE 'merged' END
    AS status,
  CASE WHEN c.status = 'erased' THEN c.customer_id ELSE coalesce(destination, k.current_customer_id, c.customer_id) END
    AS current_customer_id,
  CASE
    WHEN c.status = 'erased' THEN c.retired_at
    WHEN coalesce(destination, k.current_customer_id) IS NULL THEN coalesce(c.retired_at, $now) END AS retired_at)
FROM id_carried AS c LEFT JOIN id_carried_to USING (customer_id)
-- an ID that had ended in the newer load leads to where it led, if that is known here
LEFT JOIN {kept}.customer_registry AS k ON k.customer_id = c.current_customer_id;

-- the last word of the newer load on these records stays as history
INSERT INTO {kept}.customer_xref BY NAME FROM id_carried_xref;
INSERT INTO {kept}.merge_log BY NAME
FROM {left}.merge_log AS e ANTI JOIN {kept}.merge_log USING (event_id)
WHERE event_type = 'create' AND customer_id IN (SELECT customer_id FROM id_carried)
UNION ALL BY NAME
SELECT md5(concat_ws('|', 'rollback', $run_id, $now, customer_id)) AS event_id,
  CASE r.status WHEN 'merged' THEN 'merge' ELSE 'retire' END AS event_type,
  CASE r.status WHEN 'merged' THEN r.current_customer_id ELSE customer_id END AS customer_id,
  CASE r.status WHEN 'merged' THEN customer_id END AS other_customer_id,
  list(DISTINCT record_key ORDER BY record_key) AS record_keys, 'rollback' AS cause, $run_id AS run_id, $now AS occurred_at
FROM id_carried_xref JOIN {kept}.customer_registry AS r USING (customer_id)
WHERE r.status <> 'erased' GROUP BY ALL;
