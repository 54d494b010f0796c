-- The blocking keys of all nodes go straight to the state: they are the largest of its tables. What was there counts no longer.
CREATE SCHEMA IF NOT EXISTS {state};
DROP TABLE IF EXISTS {state}.stamp;

CREATE OR REPLACE TABLE {state}.block AS SELECT node_id::BIGINT << 32 AS node_id, rule, key FROM id_block;
