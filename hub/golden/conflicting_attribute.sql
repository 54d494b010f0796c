-- Attributes on which the records of a customer disagree: what they say, and who says it. Spelling alone is no disagreement.
CREATE OR REPLACE VIEW golden.conflicting_attribute AS
WITH said AS (
  SELECT customer_id, attribute, value, bool_or(is_winner) AS is_winner, bool_and(agrees_with_winner) AS agrees, min(rank_no) AS rank_no,
         list_sort(list(DISTINCT source_system)) AS source_systems, list_sort(list(record_key)) AS record_keys,
         bool_or(is_winner AND override_id IS NOT NULL) AS is_settled
  FROM golden.customer_attribute
  WHERE survivorship_rule <> 'override_ignore' OR is_winner
  GROUP BY customer_id, attribute, value
)
SELECT customer_id, attribute, max(value) FILTER (is_winner) AS golden_value, count(*) AS distinct_values,
       len(list_distinct(flatten(list(source_systems)))) AS source_count, bool_or(is_settled) AS is_settled,
       list({'value': value, 'source_systems': source_systems, 'record_keys': record_keys, 'is_winner': is_winner} ORDER BY rank_no, value)
         AS candidates
FROM said GROUP BY customer_id, attribute HAVING bool_or(agrees IS FALSE);
