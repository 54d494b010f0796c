-- Pairs that were compared and do not link, but have both ends in one component.
CREATE OR REPLACE TEMP TABLE id_within AS
SELECT l, r, weight
FROM id_compared JOIN id_component AS a ON a.node_id = l JOIN id_component AS b ON b.node_id = r AND b.component = a.component
JOIN id_weight USING (vector)
WHERE weight <= 0;
