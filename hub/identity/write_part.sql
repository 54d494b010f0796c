-- What changed into the identity schema, which holds the live load.
DELETE FROM identity.customer_registry WHERE customer_id IN (SELECT customer_id FROM id_registry);
INSERT INTO identity.customer_registry BY NAME FROM id_registry;

DELETE FROM identity.customer_xref WHERE record_key IN (FROM id_told);
INSERT INTO identity.customer_xref BY NAME FROM id_xref SEMI JOIN id_told USING (record_key);

DELETE FROM identity.match_edge WHERE record_key_l IN (FROM id_moved_key) OR record_key_r IN (FROM id_moved_key);
DELETE FROM identity.match_edge AS e USING id_lost_edge AS x
WHERE e.record_key_l = x.record_key_l AND e.record_key_r = x.record_key_r;
INSERT INTO identity.match_edge BY NAME
SELECT a.record_key AS record_key_l, b.record_key AS record_key_r, vector AS comparison_vector, odds AS match_weight,
  probability AS match_probability, $model_version AS model_version
FROM id_added JOIN id_weight USING (vector) JOIN linkage.record AS a ON a.rid = l JOIN linkage.record AS b ON b.rid = r
WHERE weight > 0 OR probability >= $review_floor;

DELETE FROM identity.match_key
WHERE record_key IN (SELECT record_key FROM id_rekeyed) OR record_key IN (SELECT record_key FROM id_changed WHERE gone);
INSERT INTO identity.match_key BY NAME FROM id_rekeyed;

DELETE FROM identity.review_task;
INSERT INTO identity.review_task BY NAME FROM id_task;
DELETE FROM identity.blocked_value;
INSERT INTO identity.blocked_value BY NAME FROM id_blocked;
INSERT INTO identity.merge_log BY NAME FROM id_event;
INSERT INTO identity.resolution_run BY NAME FROM id_run;

-- should this load be held, the live one knows nothing of it
CREATE OR REPLACE TABLE linkage.pending AS FROM id_told;
