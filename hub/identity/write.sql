-- Everything of this load into the identity schema, which is cleared first.
DELETE FROM identity.customer_registry;
DELETE FROM identity.customer_xref;
DELETE FROM identity.match_edge;
DELETE FROM identity.review_task;
DELETE FROM identity.merge_log;
DELETE FROM identity.blocked_value;
DELETE FROM identity.model;
DELETE FROM identity.term_frequency;
DELETE FROM identity.resolution_run;
DELETE FROM identity.match_key;

INSERT INTO identity.customer_registry BY NAME FROM id_registry;
INSERT INTO identity.customer_xref BY NAME FROM id_xref;
INSERT INTO identity.match_edge BY NAME
SELECT a.record_key AS record_key_l, b.record_key AS record_key_r, vector AS comparison_vector, odds AS match_weight,
  probability AS match_probability, $model_version AS model_version
FROM id_compared JOIN id_weight USING (vector) JOIN id_record AS a ON a.rid = l JOIN id_record AS b ON b.rid = r
WHERE weight > 0 OR probability >= $review_floor;
INSERT INTO identity.review_task BY NAME FROM id_task;
INSERT INTO identity.merge_log BY NAME FROM id_live_log;
INSERT INTO identity.merge_log BY NAME FROM id_event;
INSERT INTO identity.blocked_value BY NAME FROM id_blocked;
INSERT INTO identity.model BY NAME FROM id_model;
INSERT INTO identity.term_frequency BY NAME FROM id_term;
INSERT INTO identity.resolution_run BY NAME FROM id_run;
INSERT INTO identity.match_key BY NAME
SELECT r.* EXCLUDE (rid, digest), s.node_key, s.streams
FROM id_record AS r JOIN id_node_record AS n USING (rid) JOIN id_node AS s USING (node_id);
