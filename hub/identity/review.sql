-- The questions of each kind that are most valuable at first sight, and customers that are too large.
CREATE OR REPLACE TEMP TABLE id_doubt AS
WITH first AS (
  FROM id_question QUALIFY row_number() OVER (PARTITION BY kind ORDER BY worth DESC, l, r) <= $looked_at
)
SELECT row_number() OVER (ORDER BY l, r) - 1 AS question, first.*, greatest(least(w.weight, $weight_cap), -$weight_cap) AS weight
FROM first JOIN id_weight AS w USING (vector);

CREATE OR REPLACE TEMP TABLE id_side AS
WITH asked AS (
  SELECT question, 0 AS side, low AS cluster FROM id_doubt UNION ALL SELECT question, 1, high FROM id_doubt
)
SELECT question, side, node_id FROM asked JOIN id_cluster USING (cluster);

CREATE OR REPLACE TEMP TABLE id_huge AS
SELECT record_key, records FROM id_customer JOIN id_record ON rid = cluster WHERE records > $max_cluster_size
ORDER BY records DESC, record_key LIMIT $most;
