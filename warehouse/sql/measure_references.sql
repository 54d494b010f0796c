-- Facts per table and source: those without a customer, now and before, and those whose customer is not in golden.customer.
WITH fact AS NOT MATERIALIZED ({facts}),
     before AS ({before}),
     counted AS (SELECT "table", source_system, count(*) AS facts, count(*) FILTER (customer_id IS NULL) AS unresolved
                 FROM fact GROUP BY ALL),
     without AS (SELECT "table", source_system, min(key, 20) AS keys FROM fact WHERE customer_id IS NULL GROUP BY ALL),
     lost AS (SELECT "table", source_system, count(*) AS n, min(key, 20) AS keys
              FROM fact ANTI JOIN golden.customer USING (customer_id) WHERE customer_id IS NOT NULL GROUP BY ALL)
SELECT "table", source_system, facts, unresolved, coalesce(lost.n, 0) AS dangling, facts_before, unresolved_before,
       lost.keys AS reference_valid_examples, without.keys AS reference_kept_examples
FROM counted LEFT JOIN before USING ("table", source_system) LEFT JOIN without USING ("table", source_system)
LEFT JOIN lost USING ("table", source_system)
