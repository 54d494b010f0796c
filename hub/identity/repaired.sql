-- The compared pairs (id_added) in the place of what they were.
DELETE FROM linkage.pair WHERE l IN (FROM id_moving) OR r IN (FROM id_moving);
DELETE FROM linkage.pair USING id_lost WHERE pair.l = id_lost.l AND pair.r = id_lost.r;
INSERT INTO linkage.pair SELECT l, r, vector FROM id_added;

-- the lost ones by record keys
CREATE OR REPLACE TEMP TABLE id_lost_edge AS
SELECT a.record_key AS record_key_l, b.record_key AS record_key_r
FROM id_lost JOIN linkage.record AS a ON a.rid = l JOIN linkage.record AS b ON b.rid = r;
