-- What the golden tables were made from; see basis.py. A load that is built adds rows with `since` and lets others end with `until`:
-- they count once it is published, and are undone if it is not.
CREATE SCHEMA IF NOT EXISTS basis;
CREATE TABLE IF NOT EXISTS basis.made (
  load_id VARCHAR NOT NULL,
  follows VARCHAR,                           -- the load that this one differs from by `since` and `until`
  rules VARCHAR NOT NULL,
  whole VARCHAR,                             -- why the tables were made whole
  inputs BIGINT NOT NULL,
  customers BIGINT NOT NULL,
  facts BIGINT NOT NULL
);
-- the load whose rows the golden tables hold; no row while they are being made
CREATE TABLE IF NOT EXISTS basis.holds (load_id VARCHAR NOT NULL);
