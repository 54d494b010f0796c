-- Pairwise and B-cubed figures from a contingency table of clusters and entities.
CREATE OR REPLACE TEMP TABLE ev_joined AS
SELECT t.entity_id, coalesce(x.customer_id, 'missing:' || concat_ws(':', t.source_system, t.stream, t.source_record_id)) AS customer_id,
  x.customer_id IS NULL AS missing
FROM ev_truth AS t LEFT JOIN ev_found AS x
  ON x.source_system = t.source_system AND x.source_record_id = t.source_record_id AND (t.stream IS NULL OR x.stream = t.stream);

CREATE OR REPLACE TEMP TABLE ev_cell AS
SELECT customer_id, entity_id, count(*) AS n FROM ev_joined GROUP BY ALL;
