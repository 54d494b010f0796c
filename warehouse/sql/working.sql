-- The working warehouse apart from staging and identity: raw, what staging turned down, and the state of the build.
CREATE SCHEMA IF NOT EXISTS raw;
CREATE SCHEMA IF NOT EXISTS staging;
CREATE SCHEMA IF NOT EXISTS golden;
CREATE SCHEMA IF NOT EXISTS quality;
CREATE SCHEMA IF NOT EXISTS ops;

CREATE TABLE IF NOT EXISTS ops.schema_version (version INTEGER NOT NULL);

CREATE SEQUENCE IF NOT EXISTS raw.raw_seq;   -- order of arrival over all streams; staging goes on from it

-- what came but is no record: no ID, or a payload that cannot be read
CREATE TABLE IF NOT EXISTS raw.reject (
  source_system VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  place VARCHAR NOT NULL,                    -- file and line, or page: stands in for the ID
  reason VARCHAR NOT NULL,
  content VARCHAR,
  payload_hash VARCHAR NOT NULL,
  sync_run_id VARCHAR NOT NULL,
  extracted_at TIMESTAMP NOT NULL
);

-- the cursor of each stream, committed together with the rows it covers
CREATE TABLE IF NOT EXISTS ops.sync_cursor (
  source_system VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  cursor_value JSON,
  cursor_digest VARCHAR NOT NULL,
  part_seq BIGINT NOT NULL,
  sync_run_id VARCHAR NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  PRIMARY KEY (source_system, stream)
);

-- one row per load of landed parts, committed together with its raw rows: the count that conservation is checked against
CREATE TABLE IF NOT EXISTS ops.raw_load (
  sync_run_id VARCHAR NOT NULL,
  source_system VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  mode VARCHAR NOT NULL,                     -- full, incremental or replay; erasure: less than nothing came in
  rows_extracted BIGINT NOT NULL,
  rows_inserted BIGINT NOT NULL,
  rows_updated BIGINT NOT NULL,
  rows_unchanged BIGINT NOT NULL,
  rows_deleted BIGINT NOT NULL,
  rows_quarantined BIGINT NOT NULL,
  cursor_from JSON,
  cursor_to JSON,
  loaded_at TIMESTAMP NOT NULL
);

-- how far staging has come in each stream, and with which mapping
CREATE TABLE IF NOT EXISTS ops.staging_state (
  source_system VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  raw_seq BIGINT NOT NULL,
  mapping_digest VARCHAR NOT NULL,
  PRIMARY KEY (source_system, stream)
);

-- records whose time of change is the echo of our own writing, and when they had changed before; see staging_echo.sql
CREATE TABLE IF NOT EXISTS ops.writeback_echo (
  source_system VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  source_record_id VARCHAR NOT NULL,
  echo_at TIMESTAMP NOT NULL,
  source_updated_at TIMESTAMP NOT NULL
);

-- the fields that a stream's payloads have had, to notice drift by; see drift.py
CREATE TABLE IF NOT EXISTS ops.payload_field (
  source_system VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  field VARCHAR NOT NULL,                    -- path, as lines[].sku
  types VARCHAR[] NOT NULL,                  -- all it has held; empty while it was only ever null
  always BOOLEAN NOT NULL,                   -- in every payload looked at so far
  seen_at TIMESTAMP NOT NULL,
  PRIMARY KEY (source_system, stream, field)
);

-- records that are in raw but not fit for staging, until a later version of them is
CREATE TABLE IF NOT EXISTS staging.rejected (
  source_system VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  source_record_id VARCHAR NOT NULL,
  target VARCHAR NOT NULL,                   -- staging table it was meant for
  check_id VARCHAR NOT NULL,
  reason VARCHAR NOT NULL,
  payload_hash VARCHAR NOT NULL,
  sync_run_id VARCHAR NOT NULL,
  was_new BOOLEAN NOT NULL,                  -- first version of the record, else a change
  rejected_at TIMESTAMP NOT NULL,
  PRIMARY KEY (source_system, stream, source_record_id, target)
);

-- the load being built, if one is
CREATE TABLE IF NOT EXISTS ops.candidate (
  load_id VARCHAR NOT NULL,
  follows VARCHAR,                           -- the published load it was built on
  input_digest VARCHAR NOT NULL,
  started_at TIMESTAMP NOT NULL,
  run_id VARCHAR NOT NULL                    -- the run that builds it; a step of any other is refused
);
