-- The changed records that live, each with its ID.
CREATE OR REPLACE TEMP TABLE id_key AS
SELECT record_key, coalesce(c.rid, p.rid) AS rid FROM id_changed AS c LEFT JOIN id_place AS p USING (record_key) WHERE NOT gone;
