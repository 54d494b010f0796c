-- Of registry and crosswalk of the live load, what the records that were linked anew bear upon.
CREATE OR REPLACE TEMP TABLE id_told AS
SELECT record_key FROM id_record UNION SELECT record_key FROM id_changed WHERE gone UNION FROM linkage.pending;

CREATE OR REPLACE TEMP TABLE id_concerned AS
SELECT customer_id FROM {live}.customer_xref SEMI JOIN id_told USING (record_key)
UNION
SELECT customer_id FROM {live}.customer_registry WHERE seed_record_key IN (FROM id_told);

CREATE OR REPLACE TEMP TABLE id_live_registry AS
FROM {live}.customer_registry WHERE customer_id IN (FROM id_concerned) OR current_customer_id IN (FROM id_concerned);

-- with the last records of IDs that ended, wherever these are now
CREATE OR REPLACE TEMP TABLE id_live_xref AS
FROM {live}.customer_xref
WHERE record_key IN (FROM id_told) OR (NOT is_current AND customer_id IN (FROM id_concerned));
