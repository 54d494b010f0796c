-- Nodes: what linkage compares. Records with the same match keys are one node, provided these keys tell one customer from another.

-- Equal keys make one node only where they would identify somebody: two records that say no more than "John Smith", or that share
-- nothing but a role mailbox or a value held by half the world, stay two. So do test records and those a steward has told apart.
CREATE OR REPLACE TEMP TABLE id_node_record AS
WITH judged AS (
  SELECT rid, digest,
    NOT is_test AND record_key NOT IN (FROM id_apart) AND (
      (email IS NOT NULL AND NOT is_role AND email NOT IN (SELECT value FROM id_crowded WHERE type = 'email'))
      OR tax IS NOT NULL
      OR (phone IS NOT NULL AND phone NOT IN (SELECT value FROM id_crowded WHERE type = 'phone')
        AND coalesce(family, given, company) IS NOT NULL)
      OR (given IS NOT NULL AND family IS NOT NULL AND birth IS NOT NULL)
      OR (coalesce(given || family, company) IS NOT NULL AND street IS NOT NULL AND coalesce(postal, city) IS NOT NULL)
    ) AS identified
  FROM id_record
), first AS (
  SELECT digest, min(rid) AS node_id FROM judged WHERE identified GROUP BY digest
)
SELECT rid, CASE WHEN identified THEN node_id ELSE rid END AS node_id FROM judged LEFT JOIN first USING (digest);
