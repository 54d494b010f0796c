-- What is past its cut-off in an open working warehouse, beside the published load; aged are all facts with their age. $inactive is the
-- time before which customers are inactive (NULL: they do not go by age). record_seen (record_key, happened_at) says when records of
-- which no source says a time were last seen to change.
CREATE OR REPLACE TEMP TABLE aged AS {aged};

CREATE OR REPLACE TEMP TABLE last_owner AS
SELECT * FROM (
  SELECT x.record_key, arg_max(r.current_customer_id, (x.is_current, x.valid_from)) AS customer_id
  FROM {live}.identity.customer_xref x JOIN {live}.identity.customer_registry r USING (customer_id) GROUP BY x.record_key
) ANTI JOIN (FROM {live}.identity.customer_registry WHERE status = 'erased') USING (customer_id);

-- a record goes as one: when the last of its facts does that have a cut-off
CREATE OR REPLACE TEMP TABLE aged_record AS
SELECT source_system, stream, source_record_id, concat_ws(':', source_system, stream, source_record_id) AS record_key,
       bool_and(is_past) AS is_past, bool_or(list_contains($whole, target)) AS has_whole
FROM aged WHERE target IN (SELECT unnest($tables)) GROUP BY ALL;

-- customers: when something last happened or changed, and whether all that is known of them are facts that go by age
CREATE OR REPLACE TEMP TABLE aging_customer AS
WITH happened AS (
  SELECT o.customer_id, greatest(p.source_updated_at, p.source_created_at, s.happened_at) AS happened_at, false AS is_open,
         NOT p.is_deleted AS is_record, coalesce(r.is_past, false) AS is_past
  FROM staging.party_record p JOIN last_owner o USING (record_key)
  LEFT JOIN record_seen s USING (record_key) LEFT JOIN aged_record r USING (record_key)
  UNION ALL
  SELECT o.customer_id, a.happened_at, a.is_open, false, a.is_past OR a.target = 'consent'
  FROM aged a JOIN last_owner o ON o.record_key = a.party_record_key
  UNION ALL
  SELECT customer_id, last_activity_at, false, false, true FROM {live}.golden.customer
)
SELECT customer_id, max(happened_at) AS happened_at, bool_or(is_open) AS is_open, bool_or(is_record) AND bool_and(is_past) AS is_all_past
FROM happened SEMI JOIN last_owner USING (customer_id) GROUP BY customer_id;

CREATE OR REPLACE TEMP TABLE going_customer AS
SELECT customer_id, happened_at FROM aging_customer
WHERE NOT is_open AND (is_all_past OR coalesce(happened_at < $inactive, false));

CREATE OR REPLACE TEMP TABLE erasing AS SELECT record_key, customer_id FROM last_owner SEMI JOIN going_customer USING (customer_id);

-- a record that is a customer's, too, as a guest's order or a lead's form, goes with the customer
CREATE OR REPLACE TEMP TABLE past_record AS
SELECT source_system, stream, source_record_id, has_whole
FROM aged_record
WHERE is_past AND (record_key IN (SELECT record_key FROM erasing)
                   OR record_key NOT IN (SELECT record_key FROM staging.party_record WHERE NOT is_deleted));
