-- What frequencies tell of levels that a sample of strangers shows too seldom. strangers: how many pairs of strangers chance brings at
-- least. everybody: how many pairs there are, strangers or not. comparison and code as in levels.csv.
WITH placed AS (
  SELECT street, road, city, postal, postal_band FROM id_node WHERE coalesce(postal, city) IS NOT NULL AND NOT is_test
), street AS (
  -- pairs of one street and number, and those of them in one place
  SELECT sum(n * (n - 1)) FILTER (WHERE NOT here) / 2 AS anywhere, sum(n * (n - 1)) FILTER (WHERE here) / 2 AS here
  FROM (
    SELECT GROUPING(city) = 0 AS here, count(*)::DOUBLE AS n
    FROM placed WHERE street IS NOT NULL GROUP BY GROUPING SETS ((street), (street, city, postal)))
), road AS (
  SELECT sum(n * (n - 1)) FILTER (WHERE NOT numbered) / 2 AS road, sum(n * (n - 1)) FILTER (WHERE numbered) / 2 AS numbered
  FROM (
    SELECT GROUPING(street) = 0 AS numbered, count(*)::DOUBLE AS n
    FROM placed WHERE street IS NOT NULL AND city IS NOT NULL GROUP BY GROUPING SETS ((road, city), (road, street, city)))
), postal AS (
  -- pairs of one postal code, and those of them of whom both have a street
  SELECT postal_band, sum(n * (n - 1)) / 2 AS pairs, sum(streets * (streets - 1)) / 2 AS with_street
  FROM (SELECT any_value(postal_band) AS postal_band, count(*)::DOUBLE AS n, count(street)::DOUBLE AS streets FROM placed WHERE postal IS NOT NULL GROUP BY postal)
  GROUP BY postal_band
)
-- added up exactly: a sum of floating-point numbers depends on the order in which threads come to it, and so would the model
SELECT 'name' AS comparison, 1 + name_band AS code, sum(namesakes::DECIMAL(38, 9))::DOUBLE / 2 AS strangers, 0 AS everybody
FROM id_node WHERE given || family IS NOT NULL GROUP BY name_band
UNION ALL
SELECT 'address', 4, 0, anywhere - here FROM street
UNION ALL
SELECT 'address', 5, 0, road - numbered FROM road
UNION ALL
SELECT 'address', 6 + postal_band, 0, pairs - with_street FROM postal;
