-- What only held loads have in schema identity goes. Edges and match keys stay: they are the state's, which goes on from there; the
-- crosswalk and all other IDs are written anew for the records that are pending.
CREATE OR REPLACE TEMP TABLE id_held_run AS
SELECT run_id FROM identity.resolution_run ANTI JOIN {live}.resolution_run USING (run_id);

DELETE FROM identity.customer_registry WHERE minted_run_id IN (FROM id_held_run);
DELETE FROM identity.merge_log WHERE run_id IN (FROM id_held_run);
DELETE FROM identity.resolution_run WHERE run_id IN (FROM id_held_run);
