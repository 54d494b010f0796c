-- Of {relation} the rows that break a rule, each with the numbers of the rules it broke, in their order.
WITH repeated AS (
  SELECT {key} AS repeated_key FROM {relation} WHERE {key} IS NOT NULL GROUP BY {key} HAVING count(*) > 1
)
SELECT {place} AS row_no, {key}::VARCHAR AS key, list_filter([{numbered}], lambda n: n IS NOT NULL) AS rules
FROM {relation}
WHERE {any}
