-- What the linkage of this load found, kept for the next one. An ID is the place in the order of record keys with room for others in
-- between: it never changes, and the order of IDs is always that of keys.
CREATE OR REPLACE TABLE {state}.record AS
SELECT rid::BIGINT << 32 AS rid, record_key, digest, country, is_test, node_id::BIGINT << 32 AS node_id,
  CASE WHEN email IS NOT NULL THEN hash(email) END AS email, CASE WHEN phone IS NOT NULL THEN hash(phone) END AS phone,
  CASE WHEN tax IS NOT NULL THEN hash(tax) END AS tax_id, kind AS party_kind,
  left(family, 3) AS family_start, left(city, 3) AS city_start, left(company, 3) AS company_start
FROM id_record JOIN id_node_record USING (rid);

CREATE OR REPLACE TABLE {state}.node AS SELECT * REPLACE (node_id::BIGINT << 32 AS node_id) FROM id_node;

CREATE OR REPLACE TABLE {state}.pair AS SELECT l::BIGINT << 32 AS l, r::BIGINT << 32 AS r, vector FROM id_compared;

CREATE OR REPLACE TABLE {state}.cluster AS
SELECT node_id::BIGINT << 32 AS node_id, cluster::BIGINT << 32 AS cluster, component::BIGINT << 32 AS component FROM id_cluster;

CREATE OR REPLACE TABLE {state}.refused AS SELECT l::BIGINT << 32 AS l, r::BIGINT << 32 AS r, kind, identifier FROM id_refused;

CREATE OR REPLACE TABLE {state}.customer AS SELECT * REPLACE (cluster::BIGINT << 32 AS cluster) FROM id_customer;

CREATE OR REPLACE TABLE {state}.question AS
SELECT * REPLACE (l::BIGINT << 32 AS l, r::BIGINT << 32 AS r, low::BIGINT << 32 AS low, high::BIGINT << 32 AS high) FROM id_asked;

CREATE OR REPLACE TABLE {state}.busy AS SELECT id_type, value, hash(value) AS code, nodes FROM id_busy;

CREATE OR REPLACE TABLE {state}.communal AS SELECT id_type, hash(value) AS code FROM id_communal;

CREATE OR REPLACE TABLE {state}.crowded AS SELECT type AS id_type, hash(value) AS code FROM id_crowded;

CREATE OR REPLACE TABLE {state}.stream AS FROM id_stream;

CREATE OR REPLACE TABLE {state}.pending (record_key VARCHAR);
