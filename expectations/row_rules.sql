-- Of {relation} the rows that break a rule, each with the numbers of the rules it broke, in their order.
WITH repeated AS (
  SELECT {key} AS repeated_key FROM {relation} WHERE {key} IS NOT NULL GROUP BY {key} HAVING count(*) > 1
), tested AS (
  SELECT {place} AS row_no, {key}::VARCHAR AS key,
         {tests}
  FROM {relation}
)
SELECT row_no, key, list_filter([{numbered}], lambda n: n IS NOT NULL) AS rules
FROM tested
WHERE {any}
