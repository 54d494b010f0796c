-- Records that IDs at hand had last or have now, but that are with customers nothing happened to.
CREATE OR REPLACE TEMP TABLE id_elsewhere AS
WITH away AS (
  SELECT record_key FROM id_last
  UNION SELECT record_key FROM {live}.customer_xref WHERE is_current AND customer_id IN (FROM id_concerned)
)
SELECT r.rid, record_key, c.cluster, x.customer_id
FROM (FROM away ANTI JOIN id_told USING (record_key)) JOIN linkage.record AS r USING (record_key)
JOIN linkage.cluster AS c USING (node_id) JOIN {live}.customer_xref AS x USING (record_key)
WHERE x.is_current;

INSERT INTO id_member SELECT rid, record_key, cluster FROM id_elsewhere;
