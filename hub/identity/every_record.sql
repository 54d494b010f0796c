-- All live records in the order of their keys, so that nothing that follows depends on the order of rows.
CREATE OR REPLACE TEMP TABLE id_key AS
SELECT record_key, row_number() OVER (ORDER BY record_key)::INTEGER AS rid FROM staging.party_record WHERE NOT is_deleted;
