-- Identity: who is who. In the working warehouse these tables are the candidate's; in a published file they are what holds.
CREATE SCHEMA IF NOT EXISTS identity;

CREATE TABLE IF NOT EXISTS identity.customer_registry (
  customer_id VARCHAR PRIMARY KEY,
  status VARCHAR NOT NULL,                 -- active, merged, erased or retired
  current_customer_id VARCHAR NOT NULL,    -- itself unless merged; path-compressed
  seed_record_key VARCHAR NOT NULL,
  seed_ordinal INTEGER NOT NULL,           -- how many IDs that seed had before
  minted_at TIMESTAMP NOT NULL,
  minted_run_id VARCHAR NOT NULL,
  retired_at TIMESTAMP
);

-- crosswalk with history: every live source record exactly once among the rows with is_current
CREATE TABLE IF NOT EXISTS identity.customer_xref (
  record_key VARCHAR NOT NULL,
  source_system VARCHAR NOT NULL,
  stream VARCHAR NOT NULL,
  source_record_id VARCHAR NOT NULL,
  customer_id VARCHAR NOT NULL,
  link_reason VARCHAR NOT NULL,            -- singleton, deterministic, probabilistic, steward, learnt or source_merge
  match_probability DOUBLE,                -- of the record's best edge inside its customer; NULL for a singleton
  valid_from TIMESTAMP NOT NULL,
  valid_to TIMESTAMP,
  is_current BOOLEAN NOT NULL,
  run_id VARCHAR NOT NULL
);

CREATE TABLE IF NOT EXISTS identity.match_edge (
  record_key_l VARCHAR NOT NULL,           -- record_key_l < record_key_r
  record_key_r VARCHAR NOT NULL,
  comparison_vector BIGINT NOT NULL,       -- packed levels; identity.model says what they mean
  match_weight DOUBLE NOT NULL,            -- log2 of the posterior odds
  match_probability DOUBLE NOT NULL,
  model_version VARCHAR NOT NULL             -- no key declared: pairs are distinct by construction, and its index would be the cost
);

CREATE TABLE IF NOT EXISTS identity.match_decision (
  decision_id VARCHAR PRIMARY KEY,
  record_key_l VARCHAR NOT NULL,
  record_key_r VARCHAR NOT NULL,
  decision VARCHAR NOT NULL,               -- must_link or cannot_link
  decided_by VARCHAR NOT NULL,
  decided_at TIMESTAMP NOT NULL,
  reason VARCHAR,
  revoked_at TIMESTAMP
);

CREATE TABLE IF NOT EXISTS identity.review_task (
  task_id VARCHAR PRIMARY KEY,             -- the same pair and kind give the same ID
  kind VARCHAR NOT NULL,                   -- near_miss, shared_mailbox, refused_join, id_contradiction, weak_link,
                                           -- oversized_cluster, capped_value or overruled_merge
  record_key_l VARCHAR,
  record_key_r VARCHAR,
  match_probability DOUBLE,
  detail VARCHAR,
  worth DOUBLE,                            -- pairs of records that a decision is expected to put right; NULL where none can be taken
  records_l BIGINT,                        -- records on either side of the question
  records_r BIGINT
);

CREATE TABLE IF NOT EXISTS identity.merge_log (
  event_id VARCHAR PRIMARY KEY,
  event_type VARCHAR NOT NULL,             -- create, merge, split, unmerge or retire
  customer_id VARCHAR NOT NULL,
  other_customer_id VARCHAR,
  record_keys VARCHAR[],
  cause VARCHAR NOT NULL,
  run_id VARCHAR NOT NULL,
  occurred_at TIMESTAMP NOT NULL
);

-- identifiers that never link: the list of known junk values, and what this hub's own frequencies say
CREATE TABLE IF NOT EXISTS identity.blocked_value (
  id_type VARCHAR NOT NULL,                -- email, phone, name, ... or the blocking rule whose key was capped
  value VARCHAR NOT NULL,
  records BIGINT NOT NULL,
  reason VARCHAR NOT NULL,
  PRIMARY KEY (id_type, value)
);

CREATE TABLE IF NOT EXISTS identity.model (
  model_version VARCHAR PRIMARY KEY,
  trained_at TIMESTAMP NOT NULL,
  trained_records BIGINT NOT NULL,
  parameters JSON NOT NULL
);

-- how common a full name was when the model was trained; frozen with it
CREATE TABLE IF NOT EXISTS identity.term_frequency (
  term_type VARCHAR NOT NULL,
  term VARCHAR NOT NULL,
  records BIGINT NOT NULL,
  PRIMARY KEY (term_type, term)
);

CREATE TABLE IF NOT EXISTS identity.resolution_run (
  run_id VARCHAR PRIMARY KEY,
  model_version VARCHAR NOT NULL,
  records BIGINT NOT NULL,
  candidate_pairs BIGINT NOT NULL,
  clusters BIGINT NOT NULL,
  created_ids BIGINT NOT NULL,
  merged_ids BIGINT NOT NULL,
  split_ids BIGINT NOT NULL,
  kept_ids BIGINT NOT NULL,
  retired_ids BIGINT NOT NULL,
  largest_cluster BIGINT NOT NULL,
  id_churn_rate DOUBLE,                    -- records whose ID changed / records in both loads; NULL on the first load
  started_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP NOT NULL
);
