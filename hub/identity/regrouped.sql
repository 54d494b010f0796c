-- The new clusters in the place of what they were, and the customers whose questions have to be asked anew: those that may be others
-- than before, and those between which pairs were compared or lost without either changing.
CREATE OR REPLACE TEMP TABLE id_stirred AS
SELECT cluster FROM linkage.cluster WHERE node_id IN (FROM id_reach) OR node_id IN (FROM id_old_node);

DELETE FROM linkage.customer WHERE cluster IN (FROM id_stirred);
INSERT INTO linkage.customer BY NAME FROM id_customer;

DELETE FROM linkage.cluster WHERE node_id IN (FROM id_reach) OR node_id IN (FROM id_old_node);
INSERT INTO linkage.cluster BY NAME FROM id_cluster;

DELETE FROM linkage.refused WHERE l IN (FROM id_reach) OR l IN (FROM id_old_node) OR r IN (FROM id_old_node);
INSERT INTO linkage.refused BY NAME FROM id_refused;

INSERT INTO id_stirred SELECT cluster FROM id_cluster;

INSERT INTO id_stirred
WITH distant AS (
  SELECT l, r FROM (SELECT l, r FROM id_added UNION ALL FROM id_lost)
  WHERE l NOT IN (FROM id_reach) AND r NOT IN (FROM id_reach)
), node AS (
  SELECT l AS node_id FROM distant UNION SELECT r FROM distant
)
SELECT cluster FROM linkage.cluster SEMI JOIN node USING (node_id);

CREATE OR REPLACE TEMP TABLE id_stirred_pair AS
WITH node AS (
  SELECT node_id FROM linkage.cluster WHERE cluster IN (FROM id_stirred)
)
FROM linkage.pair WHERE l IN (FROM node) OR r IN (FROM node);
