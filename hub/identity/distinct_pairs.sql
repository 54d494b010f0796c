-- Every pair once, whatever rules found it. A company is a customer of its own, and so are the people who work there.
CREATE OR REPLACE TEMP TABLE id_pair AS
SELECT l, r
FROM (SELECT DISTINCT l, r FROM id_found) JOIN id_node AS a ON a.node_id = l JOIN id_node AS b ON b.node_id = r
WHERE a.kind | b.kind <> 3;

DROP TABLE id_found;
