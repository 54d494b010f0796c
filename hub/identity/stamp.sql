-- Of which load, rules and decisions the state speaks, and on top of which live load it was linked, if it was.
CREATE OR REPLACE TABLE {state}.named AS SELECT DISTINCT record_key FROM id_named;

CREATE OR REPLACE TABLE {state}.stamp AS
SELECT $load_id AS load_id, $rules AS rules, $decisions AS decisions, $published AS published, $follows::VARCHAR AS follows,
  $followed::VARCHAR AS followed;
