-- The records that are new, gone or different since the state was made.
CREATE OR REPLACE TEMP TABLE id_changed AS
SELECT coalesce(n.record_key, o.record_key) AS record_key, o.rid, n.record_key IS NULL AS gone
FROM id_keyed AS n FULL JOIN linkage.record AS o USING (record_key)
WHERE n.digest IS DISTINCT FROM o.digest OR n.country IS DISTINCT FROM o.country;
