-- Whether two customers have values of one identifier and none in common; a value that links nobody contradicts nobody.
WITH held AS (
  SELECT customer_id, {value} AS value
  FROM {schema}.match_key JOIN {schema}.customer_xref USING (record_key) WHERE is_current AND customer_id IN ($left, $right)
), valued AS (
  FROM held WHERE value IS NOT NULL AND value NOT IN (SELECT value FROM {schema}.blocked_value WHERE id_type IN ($id_type, 'configured'))
)
SELECT count(DISTINCT customer_id) = 2 AND NOT EXISTS (SELECT value FROM valued GROUP BY value HAVING count(DISTINCT customer_id) = 2)
FROM valued
