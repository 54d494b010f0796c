-- Sources whose paid invoices are sales of their own: those that hub.yaml names. Without a word, a hub in which nothing was ever
-- ordered has the first source that has invoices; a second one may hold the same invoices again, as a shop's orders and their bills do.
CREATE OR REPLACE TEMP TABLE invoice_seller AS
SELECT source_system FROM (SELECT unnest($named::VARCHAR[]) AS source_system)
UNION ALL
SELECT source_system FROM (
  SELECT s.source_system
  FROM (SELECT unnest($sources::VARCHAR[]) AS source_system, unnest(range(len($sources))) AS place) s
  SEMI JOIN (SELECT source_system FROM staging.invoice WHERE NOT is_test) i USING (source_system)
  WHERE $named IS NULL AND NOT EXISTS (FROM staging.customer_order WHERE NOT is_test)
  ORDER BY s.place LIMIT 1
);
