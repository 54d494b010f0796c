-- The bitemporal history of customers: rectangles of valid time (when it was so in the business) and known time (when the hub held
-- it to be so). A customer's rows without superseded_at are its timeline, as known today. A load draws the timelines of the customers
-- it changed anew: a row that is in the new timeline as it was stays untouched, any other is superseded, and nothing is deleted.
-- What stands in braces is made from the columns of golden.customer; see history.py.

-- the history that customers may have who are looked at; where only touched customers are made anew, theirs
CREATE OR REPLACE TEMP VIEW history_before AS FROM golden.customer_history;

-- the customers known before whose golden row this load changed, as they are now
CREATE OR REPLACE TEMP TABLE history_new AS
SELECT c.customer_id, {row} AS now_row
FROM golden.customer AS c
SEMI JOIN history_before AS h USING (customer_id)
WHERE c.load_id = $load_id
  OR NOT EXISTS (FROM history_before AS o WHERE o.customer_id = c.customer_id AND o.superseded_at IS NULL AND o.valid_to IS NULL);

-- the timelines of these and of the customers that are gone
CREATE OR REPLACE TEMP TABLE history_known AS
WITH gone AS (
  SELECT customer_id FROM history_before WHERE superseded_at IS NULL AND valid_to IS NULL
  EXCEPT
  SELECT customer_id FROM golden.customer
), touched AS (
  SELECT customer_id, false AS is_gone FROM history_new UNION ALL SELECT customer_id, true FROM gone
)
SELECT h.*, is_gone, json_transform(h.snapshot, $structure) AS known_row,
       row_number() OVER (PARTITION BY customer_id ORDER BY valid_from) = 1 AS is_first
FROM history_before AS h JOIN touched USING (customer_id)
WHERE h.superseded_at IS NULL;

-- What the linkage did to a customer in this load. Who is whom is the hub's own judgement and holds from the load that made it,
-- however old the records are that it moved.
CREATE OR REPLACE TEMP TABLE history_identity AS
WITH event AS (
  SELECT customer_id, event_type FROM identity.merge_log WHERE run_id = $load_id AND event_type IN ('merge', 'split', 'unmerge')
  UNION ALL
  SELECT other_customer_id, CASE event_type WHEN 'merge' THEN 'merge' ELSE 'split' END FROM identity.merge_log
  WHERE run_id = $load_id AND event_type IN ('merge', 'split', 'unmerge') AND other_customer_id IS NOT NULL
)
SELECT customer_id, CASE WHEN bool_or(event_type <> 'merge') THEN 'split' ELSE 'merged' END AS change_type
FROM event GROUP BY customer_id;

-- From when on each changed column of a customer holds its new value: as its winning record says, else from this load on.
CREATE OR REPLACE TEMP TABLE history_timed AS
WITH won AS (
  -- the members of a group win together, so that the record that won also dates a member that became empty
  SELECT customer_id, map_from_entries(list((decided_as, updated_at) ORDER BY decided_as)) AS updated_at
  FROM (SELECT a.customer_id, coalesce(g.group_name, a.attribute) AS decided_as, max(a.source_updated_at) AS updated_at
        FROM golden.customer_attribute AS a SEMI JOIN history_new USING (customer_id)
        LEFT JOIN (VALUES {group_of}) AS g (attribute, group_name) USING (attribute)
        WHERE a.is_winner AND a.source_updated_at IS NOT NULL GROUP BY ALL)
  GROUP BY customer_id
), compared AS (
  SELECT customer_id, now_row AS n, k.known_row AS k, w.updated_at, i.change_type AS identity_change
  FROM history_new JOIN history_known AS k USING (customer_id)
  LEFT JOIN won AS w USING (customer_id) LEFT JOIN history_identity AS i USING (customer_id)
  WHERE k.valid_to IS NULL
)
SELECT customer_id, n AS now_row, {times} AS t,
       CASE WHEN identity_change IS NOT NULL THEN identity_change
            WHEN n.status = 'retired' AND k.status IS DISTINCT FROM 'retired' THEN 'retired' ELSE 'changed' END AS change_type
FROM compared;

-- the new timelines, version by version
CREATE OR REPLACE TEMP TABLE history_drawn AS
WITH known AS (
  -- news of an earlier beginning lets the timeline begin earlier
  SELECT k.* EXCLUDE (is_gone, is_first), t.now_row, t.t, t.change_type AS change_type_now,
         CASE WHEN is_first THEN least(k.valid_from, t.t.first_seen_at) ELSE k.valid_from END AS begins_at
  FROM history_known AS k JOIN history_timed AS t USING (customer_id)
), cut AS (
  SELECT DISTINCT customer_id, unnest({time_list}) AS cut_at FROM history_timed
), piece AS (
  SELECT *, begins_at AS piece_from, change_type AS piece_type FROM known
  UNION ALL
  SELECT k.*, c.cut_at, k.change_type_now FROM known AS k JOIN cut AS c USING (customer_id)
  WHERE c.cut_at > k.begins_at AND (k.valid_to IS NULL OR c.cut_at < k.valid_to)
), timeline AS (
  SELECT customer_id, piece_from AS valid_from,
         coalesce(lead(piece_from) OVER (PARTITION BY customer_id, begins_at ORDER BY piece_from), valid_to) AS valid_to,
         piece_type AS change_type, end_type, {overlay} AS r
  FROM piece
  UNION ALL
  -- an ID that had ended and is back; what was between stays a gap
  SELECT customer_id, $at, NULL, 'restored', NULL, now_row
  FROM history_new ANTI JOIN history_timed USING (customer_id)
  UNION ALL
  SELECT customer_id, valid_from, valid_to, change_type, end_type, known_row
  FROM history_known ANTI JOIN history_timed USING (customer_id) WHERE valid_to IS NOT NULL
  UNION ALL
  SELECT k.customer_id, k.valid_from, $at, k.change_type, CASE WHEN g.status IN ('merged', 'erased') THEN g.status ELSE 'retired' END,
         k.known_row
  FROM history_known AS k LEFT JOIN identity.customer_registry AS g USING (customer_id) WHERE k.is_gone AND k.valid_to IS NULL
), island AS (
  -- neighbours that say the same are one version
  SELECT *, count(*) FILTER (begins) OVER (PARTITION BY customer_id ORDER BY valid_from) AS island_no
  FROM (SELECT *, (lag(valid_to) OVER w = valid_from AND lag(r) OVER w IS NOT DISTINCT FROM r) IS NOT TRUE AS begins
        FROM timeline WINDOW w AS (PARTITION BY customer_id ORDER BY valid_from))
), version AS (
  SELECT customer_id, min(valid_from) AS valid_from, nullif(max(coalesce(valid_to, 'infinity')), 'infinity') AS valid_to,
         arg_min(change_type, valid_from) AS change_type, max(end_type) AS end_type, arg_min(r, valid_from) AS r
  FROM island GROUP BY customer_id, island_no
)
SELECT customer_id, valid_from, valid_to, change_type, end_type, to_json({changed}) AS changed_attributes, {snapshot} AS snapshot
FROM (SELECT *, lag(r) OVER (PARTITION BY customer_id ORDER BY valid_from) AS p FROM version);

CREATE OR REPLACE TEMP TABLE history_kept AS
SELECT customer_id, valid_from
FROM history_known AS k JOIN history_drawn AS d USING (customer_id, valid_from)
WHERE k.valid_to IS NOT DISTINCT FROM d.valid_to AND k.change_type = d.change_type AND k.end_type IS NOT DISTINCT FROM d.end_type
  AND k.changed_attributes::VARCHAR = d.changed_attributes::VARCHAR AND k.snapshot::VARCHAR = d.snapshot::VARCHAR;

UPDATE golden.customer_history AS h SET superseded_at = $at, load_id = $load_id
FROM (SELECT customer_id, valid_from FROM history_known ANTI JOIN history_kept USING (customer_id, valid_from)) AS s
WHERE h.customer_id = s.customer_id AND h.valid_from = s.valid_from AND h.superseded_at IS NULL;

INSERT INTO golden.customer_history
WITH added AS (
  SELECT * FROM history_drawn ANTI JOIN history_kept USING (customer_id, valid_from)
  UNION ALL
  -- a customer never seen before is known from when it was first seen, unless it came of what was another's
  SELECT customer_id, CASE WHEN i.customer_id IS NULL THEN least(r.first_seen_at, $at) ELSE $at END, NULL, 'created', NULL, '[]', {snapshot}
  FROM (SELECT c.customer_id, {row} AS r FROM golden.customer AS c ANTI JOIN history_before AS h USING (customer_id))
  LEFT JOIN history_identity AS i USING (customer_id)
)
SELECT customer_id, valid_from, valid_to, $at, NULL, change_type, end_type, changed_attributes, md5(snapshot::VARCHAR), snapshot, $load_id,
       $load_id
FROM added ORDER BY customer_id, valid_from;
