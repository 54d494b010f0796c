-- What blocking costs and finds. The rules' keys are in id_block (node_id, rule, key), the most nodes that may share a key of a rule in
-- id_most (rule, nodes), the truth in id_told (record_key, entity_id).
CREATE OR REPLACE TEMP TABLE id_size AS
SELECT any_value(rule) AS rule, key, count(*) AS nodes FROM id_block GROUP BY key HAVING count(*) > 1;

CREATE OR REPLACE TEMP TABLE id_capped AS
SELECT s.rule, s.key, s.nodes,
  CASE WHEN s.nodes > $max_block_size THEN 'held by too many' ELSE 'beyond the pairs of its rule' END AS reason
FROM id_size AS s JOIN id_most AS m USING (rule) WHERE s.nodes > m.nodes;

-- each candidate pair with the rules that bring it, one bit a rule
CREATE OR REPLACE TEMP TABLE id_met AS
WITH kept AS (
  SELECT b.node_id, b.key, b.rule FROM id_block AS b JOIN id_size AS s USING (key) ANTI JOIN id_capped AS c ON c.key = s.key
)
SELECT a.node_id AS l, b.node_id AS r, bit_or(1::UBIGINT << a.rule) AS rules
FROM kept AS a JOIN kept AS b USING (key)
JOIN id_node AS x ON x.node_id = a.node_id JOIN id_node AS y ON y.node_id = b.node_id
WHERE a.node_id < b.node_id AND x.kind | y.kind <> 3
GROUP BY ALL;

-- pairs of nodes that are one entity, with the pairs of records they stand for; l = r: equal keys, one without being compared
CREATE OR REPLACE TEMP TABLE id_true AS
WITH held AS (
  SELECT node_id, entity_id, count(*) AS records
  FROM id_told JOIN id_record USING (record_key) JOIN id_node_record USING (rid) GROUP BY ALL
)
SELECT a.node_id AS l, b.node_id AS r,
  sum(CASE WHEN a.node_id = b.node_id THEN a.records * (a.records - 1) // 2 ELSE a.records * b.records END)::BIGINT AS pairs
FROM held AS a JOIN held AS b USING (entity_id) WHERE a.node_id <= b.node_id GROUP BY ALL HAVING pairs > 0;

CREATE OR REPLACE TEMP TABLE id_brought AS
SELECT rules, count(*) AS pairs, coalesce(sum(t.pairs), 0)::BIGINT AS true_pairs
FROM id_met LEFT JOIN id_true AS t USING (l, r) GROUP BY rules;

-- what no rule finds: the values on which the two agree, and whether a cap is why
CREATE OR REPLACE TEMP TABLE id_missed AS
WITH missed AS (
  SELECT l, r, pairs FROM id_true ANTI JOIN id_met USING (l, r) WHERE l < r
), shared AS (
  SELECT DISTINCT l, r FROM missed JOIN id_block AS a ON a.node_id = l JOIN id_block AS b ON b.node_id = r AND b.key = a.key
), agreed AS (
  SELECT m.pairs, s.l IS NOT NULL AS capped, a.kind | b.kind = 3 AS kinds,
    list_filter([
      CASE WHEN a.given = b.given THEN 'given name' END, CASE WHEN a.family = b.family THEN 'family name' END,
      CASE WHEN a.email = b.email THEN 'email' END, CASE WHEN a.phone = b.phone THEN 'phone' END,
      CASE WHEN a.street = b.street THEN 'street' END, CASE WHEN a.postal = b.postal THEN 'postal code' END,
      CASE WHEN a.city = b.city THEN 'city' END, CASE WHEN a.birth = b.birth THEN 'birth date' END,
      CASE WHEN a.company = b.company THEN 'company' END, CASE WHEN a.tax = b.tax THEN 'tax ID' END], lambda x: x IS NOT NULL) AS fields
  FROM missed AS m JOIN id_node AS a ON a.node_id = m.l JOIN id_node AS b ON b.node_id = m.r LEFT JOIN shared AS s USING (l, r)
)
SELECT fields, CASE WHEN kinds THEN 'a company and a person' WHEN capped THEN 'capped' ELSE 'no rule' END AS reason,
  sum(pairs)::BIGINT AS pairs
FROM agreed GROUP BY ALL;
