-- Append-only: one row per version of a record; the greatest version is the current one.
CREATE TABLE IF NOT EXISTS {table} (
  raw_seq BIGINT NOT NULL,
  source_system VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  source_record_id VARCHAR NOT NULL USING COMPRESSION zstd,
  version INTEGER NOT NULL,
  op VARCHAR NOT NULL,
  payload JSON USING COMPRESSION zstd,       -- smaller than by DuckDB's own choice, and written sooner
  payload_hash VARCHAR NOT NULL USING COMPRESSION zstd,
  source_updated_at TIMESTAMP,
  extracted_at TIMESTAMP NOT NULL,
  merged_into VARCHAR,
  sync_run_id VARCHAR NOT NULL
)
