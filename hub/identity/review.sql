-- The most valuable questions of each kind, and customers that are too large.
CREATE OR REPLACE TEMP TABLE id_doubt AS
WITH first AS (
  FROM id_question QUALIFY row_number() OVER (PARTITION BY kind ORDER BY worth DESC, l, r) <= $most
)
SELECT first.kind, identifier, a.record_key AS record_key_l, b.record_key AS record_key_r, probability AS match_probability, vector, worth,
  records_l, records_r
FROM first JOIN id_record AS a ON a.rid = l JOIN id_record AS b ON b.rid = r
ORDER BY ALL;

CREATE OR REPLACE TEMP TABLE id_huge AS
SELECT record_key, records FROM id_customer JOIN id_record ON rid = cluster WHERE records > $max_cluster_size
ORDER BY records DESC, record_key LIMIT $most;
