-- How common names are, counted over nodes. Taken when a model is trained, and frozen with it. Given and family names go together by
-- country, so they are also counted within each ("given:JP"), if at least a fifth of the people has one.
CREATE OR REPLACE TEMP TABLE id_term AS
WITH node AS (
  SELECT kind, given, family, company, postal, city, email, email_local, country FROM id_record WHERE rid IN (SELECT DISTINCT node_id FROM id_node_record) AND NOT is_test
), placed AS (
  SELECT given, family, ':' || country AS country FROM node
  WHERE country IS NOT NULL AND (SELECT count(country) >= 0.2 * count(*) FROM node WHERE given IS NOT NULL)
), both_of AS (
  SELECT given, family, '' AS country FROM node UNION ALL FROM placed
)
SELECT 'given' || country AS term_type, given AS term, count(*) AS records
FROM both_of WHERE given IS NOT NULL GROUP BY ALL HAVING count(*) > 1
UNION ALL
SELECT 'family' || country, family, count(*) FROM both_of WHERE family IS NOT NULL GROUP BY ALL HAVING count(*) > 1
UNION ALL
SELECT 'all' || country, 'full name', count(*) FROM both_of WHERE given IS NOT NULL AND family IS NOT NULL GROUP BY ALL
UNION ALL
SELECT 'company', company, count(*) FROM node WHERE company IS NOT NULL GROUP BY company HAVING count(*) > 1
UNION ALL
SELECT 'postal', postal, count(*) FROM node WHERE postal IS NOT NULL GROUP BY postal HAVING count(*) > 1
UNION ALL
SELECT 'city', city, count(*) FROM node WHERE city IS NOT NULL GROUP BY city HAVING count(*) > 1
UNION ALL
-- mailboxes that bear one user part: more than two, and it is no one person's
SELECT 'email_user', email_local, count(DISTINCT email) FROM node WHERE email_local IS NOT NULL GROUP BY email_local HAVING count(DISTINCT email) > 2;
