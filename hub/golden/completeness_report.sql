-- Per source and attribute: how many of its live records have a value, and how many of those values are golden ones.
CREATE OR REPLACE VIEW golden.completeness_report AS
WITH source AS (
  SELECT source_system, count(*) AS records FROM identity.customer_xref WHERE is_current GROUP BY source_system
), attribute AS (
  SELECT DISTINCT attribute FROM golden.customer_attribute
), filled AS (
  SELECT source_system, attribute, count(DISTINCT record_key) AS filled,
         count(DISTINCT CASE WHEN is_winner THEN record_key END) AS golden
  FROM golden.customer_attribute GROUP BY source_system, attribute
)
SELECT s.source_system, a.attribute, s.records, coalesce(f.filled, 0) AS filled, coalesce(f.golden, 0) AS golden,
       round(CAST(coalesce(f.filled, 0) AS DOUBLE) / s.records, 4) AS filled_share
FROM source s CROSS JOIN attribute a LEFT JOIN filled f ON f.source_system = s.source_system AND f.attribute = a.attribute
