-- Pairs whose class is known before any model is, if they are candidates. Needs id_compared, id_record, id_node_record, and what stewards
-- decided as id_known (l, r, matches: record keys).
CREATE OR REPLACE TEMP TABLE id_label AS
WITH record AS (
  SELECT r.record_key, r.source_system, r.stream, r.source_record_id, node_id, p.legacy_id
  FROM id_record AS r JOIN id_node_record USING (rid) JOIN staging.party_record AS p USING (record_key)
  WHERE NOT r.is_test
), named AS (
  -- an ID that several records of other systems have names nobody
  SELECT a.record_key AS l, a.source_system, a.stream, a.node_id AS a, any_value(b.node_id) AS b,
    any_value(b.source_system || ':' || b.stream) AS named
  FROM record AS a JOIN record AS b ON b.source_record_id = a.legacy_id AND b.source_system <> a.source_system
  GROUP BY ALL HAVING count(*) = 1
), candidate AS (
  SELECT source_system, stream, named, least(a, b) AS l, greatest(a, b) AS r, vector
  FROM named LEFT JOIN id_compared AS c ON c.l = least(a, b) AND c.r = greatest(a, b) WHERE a <> b
), shared AS (
  -- numbers that two systems give out each for itself meet by chance: then most of these pairs have nothing in common
  SELECT l, r, vector FROM candidate WINDOW streams AS (PARTITION BY source_system, stream, named)
  QUALIFY count(vector) OVER streams >= 0.5 * count(*) OVER streams
), told AS (
  SELECT least(a.node_id, b.node_id) AS l, greatest(a.node_id, b.node_id) AS r, bool_and(matches) AS matches
  FROM id_known JOIN record AS a ON a.record_key = id_known.l JOIN record AS b ON b.record_key = id_known.r
  WHERE a.node_id <> b.node_id GROUP BY ALL
)
SELECT vector, matches FROM told JOIN id_compared USING (l, r)
UNION ALL
SELECT vector, true FROM (SELECT DISTINCT l, r, vector FROM shared WHERE vector IS NOT NULL) ANTI JOIN told USING (l, r);
