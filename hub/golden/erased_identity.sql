-- Schema identity of a load without the people whose records are in `erasing` (record_key). Their IDs stay and lead to who is erased;
-- records go on under the names that `erased_name` gives them, so that facts still find their customer.
CREATE OR REPLACE TEMP TABLE erasing_customer AS
WITH last_owner AS (
  SELECT x.record_key, arg_max(r.current_customer_id, (x.is_current, x.valid_from)) AS customer_id
  FROM identity.customer_xref x JOIN identity.customer_registry r USING (customer_id) GROUP BY x.record_key
)
SELECT customer_id, bool_and(e.record_key IS NOT NULL) AS is_whole
FROM last_owner l LEFT JOIN (SELECT DISTINCT record_key FROM erasing) e USING (record_key)
GROUP BY customer_id HAVING bool_or(e.record_key IS NOT NULL);

-- what other customers were held to be while a record of theirs counted among them
CREATE OR REPLACE TEMP TABLE erasing_past AS
SELECT x.customer_id, x.valid_from, x.valid_to
FROM identity.customer_xref x SEMI JOIN erasing USING (record_key)
WHERE x.customer_id NOT IN (SELECT customer_id FROM erasing_customer WHERE is_whole);

CREATE OR REPLACE TEMP TABLE erasing_term AS
SELECT DISTINCT value FROM (
  SELECT given, middle, family, company, email, email_local, phone, street, city, postal, tax
  FROM identity.match_key SEMI JOIN erasing USING (record_key)
) UNPIVOT (value FOR name IN (given, middle, family, company, email, email_local, phone, street, city, postal, tax));
DELETE FROM identity.term_frequency WHERE records <= 1 AND term IN (SELECT value FROM erasing_term);

DELETE FROM identity.match_key WHERE record_key IN (SELECT record_key FROM erasing);
DELETE FROM identity.match_edge
WHERE record_key_l IN (SELECT record_key FROM erasing) OR record_key_r IN (SELECT record_key FROM erasing);
DELETE FROM identity.match_decision
WHERE record_key_l IN (SELECT record_key FROM erasing) OR record_key_r IN (SELECT record_key FROM erasing);
DELETE FROM identity.review_task
WHERE record_key_l IN (SELECT record_key FROM erasing) OR record_key_r IN (SELECT record_key FROM erasing);
UPDATE identity.merge_log AS m SET record_keys = renamed.record_keys
FROM (
  SELECT event_id, list(CASE WHEN e.record_key IS NULL THEN k ELSE erased_name(k) END ORDER BY k) AS record_keys
  FROM (SELECT event_id, unnest(record_keys) AS k FROM identity.merge_log) LEFT JOIN (SELECT DISTINCT record_key FROM erasing) e ON e.record_key = k
  GROUP BY event_id HAVING bool_or(e.record_key IS NOT NULL)
) AS renamed
WHERE m.event_id = renamed.event_id;

UPDATE identity.customer_registry SET status = 'erased', retired_at = coalesce(retired_at, $now)
WHERE current_customer_id = customer_id AND customer_id IN (SELECT customer_id FROM erasing_customer WHERE is_whole);
UPDATE identity.customer_registry SET seed_record_key = erased_name(seed_record_key)
WHERE seed_record_key IN (SELECT record_key FROM erasing);
UPDATE identity.customer_xref
SET source_record_id = split_part(erased_name(record_key), ':', 3), valid_to = coalesce(valid_to, $now), is_current = false,
    match_probability = NULL, record_key = erased_name(record_key)
WHERE record_key IN (SELECT record_key FROM erasing);
