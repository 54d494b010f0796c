-- The records of id_key with their match keys.
CREATE OR REPLACE TEMP TABLE id_record AS
SELECT rid, id_keyed.* FROM id_keyed JOIN id_key USING (record_key);
