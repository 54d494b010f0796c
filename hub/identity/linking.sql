-- The pairs that link, given the weight of each pattern.
CREATE TEMP VIEW id_link AS SELECT l, r, weight FROM id_compared JOIN id_weight USING (vector) WHERE weight > 0;
