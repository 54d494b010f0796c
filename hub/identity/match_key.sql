-- The match keys of every live record as the linkage saw them: what an explanation of any pair needs, beside model and term_frequency.
CREATE TABLE IF NOT EXISTS identity.match_key (
  record_key VARCHAR NOT NULL,             -- no key declared, as for match_edge: its index would be the cost
  node_key VARCHAR NOT NULL,               -- first record with the same keys; records of one node are not compared with each other
  streams BIGINT NOT NULL,                 -- one bit for each stream the node has records from
  source_system VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  source_record_id VARCHAR NOT NULL,
  is_test BOOLEAN NOT NULL,
  kind INTEGER NOT NULL,                   -- 1 person, 2 company, 4 unknown
  given VARCHAR,
  middle VARCHAR,
  family VARCHAR,
  suffix VARCHAR,
  company VARCHAR,
  email VARCHAR,
  email_local VARCHAR,
  phone VARCHAR,
  is_role BOOLEAN NOT NULL,
  street VARCHAR,
  city VARCHAR,
  postal VARCHAR,
  country VARCHAR,
  birth DATE,
  tax VARCHAR
);
