-- The relation mappings select from: the current version of every record that arrived since staging last looked.
CREATE OR REPLACE TEMP TABLE arrived AS
SELECT * FROM {table}
WHERE raw_seq > $since
QUALIFY row_number() OVER (PARTITION BY source_record_id ORDER BY version DESC) = 1
