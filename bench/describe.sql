-- Rates of a generated population as its data have them: each record beside what is true of its entity, and the true pairs of records.
-- A rate is of the values that are neither missing nor misspelt.
CREATE TEMP TABLE shown AS
SELECT r.*, t.* EXCLUDE (country, entity_id), n.name IS NOT NULL AS nick
FROM record AS r JOIN truth AS t USING (entity_id) LEFT JOIN nick AS n ON n.name = t.given AND n.nickname = r.given_name;

CREATE TEMP TABLE pair AS
SELECT
  a.given_name = b.given_name AS given, a.family_name = b.family_name AS family, a.email = b.email AS email, a.phone = b.phone AS phone,
  a.address_line1 = b.address_line1 AS street, a.postal_code = b.postal_code AS postal, a.city = b.city AS city,
  a.birth_date = b.birth_date AS birth, a.company_name = b.company_name AS company, a.tax_id = b.tax_id AS tax,
  split_part(a.email, '@', 1) = split_part(b.email, '@', 1) AS local
FROM record AS a JOIN record AS b USING (entity_id) WHERE a.number < b.number;

CREATE TEMP TABLE rate AS
SELECT 'records' AS what, count(*)::DOUBLE AS value, 1 AS place FROM record
UNION ALL SELECT 'entities', count(DISTINCT entity_id), 2 FROM record
UNION ALL SELECT 'true pairs', count(*), 3 FROM pair
UNION ALL SELECT 'most records of an entity', max(n), 4 FROM (SELECT count(*) AS n FROM record GROUP BY entity_id)
UNION ALL SELECT 'companies, of entities', avg(is_company::INT), 5 FROM truth
UNION ALL SELECT 'persons sharing a roof, of persons', avg(housed::INT), 6 FROM truth WHERE NOT is_company
UNION ALL SELECT 'of those, parent and child of one name', avg(namesake::INT), 7 FROM truth WHERE housed
UNION ALL SELECT 'of those, sharing a line', avg(line::INT), 8 FROM truth WHERE housed
UNION ALL SELECT 'of those, sharing a mailbox', avg(mailbox::INT), 9 FROM truth WHERE housed
UNION ALL SELECT 'persons per full name', count(*) / count(DISTINCT (given, family)), 10 FROM truth WHERE NOT is_company
UNION ALL SELECT 'share of the commonest family name', max(n) / sum(n), 11
  FROM (SELECT count(*) AS n FROM truth WHERE NOT is_company GROUP BY family)
UNION ALL SELECT 'share of the ten commonest family names', sum(n) FILTER (place <= 10) / sum(n), 12
  FROM (SELECT count(*) AS n, row_number() OVER (ORDER BY count(*) DESC) AS place FROM truth WHERE NOT is_company GROUP BY family)
UNION ALL SELECT 'second e-mail', avg((email = email2)::INT), 20 FROM shown WHERE NOT is_company AND email IN (email1, email2)
UNION ALL SELECT 'second phone', avg((phone = phone2)::INT), 21 FROM shown WHERE phone IN (phone1, phone2)
UNION ALL SELECT 'old address', avg((address_line1 = old_street)::INT), 22 FROM shown WHERE address_line1 IN (street, old_street)
UNION ALL SELECT 'initial for the given name', avg((length(given_name) = 1)::INT), 23 FROM shown WHERE given_name IS NOT NULL
UNION ALL SELECT 'swapped names', avg((given_name = family AND family_name = given)::INT), 24
  FROM shown WHERE given_name IS NOT NULL AND given <> family
UNION ALL SELECT 'changed surname', avg((family_name = new_family)::INT), 25
  FROM shown WHERE family_name IN (family, new_family) AND family <> new_family
UNION ALL SELECT 'no given name', avg((given_name IS NULL)::INT), 26 FROM shown WHERE NOT is_company
UNION ALL SELECT 'nickname', avg(nick::INT), 27 FROM shown WHERE NOT is_company AND given_name IS NOT NULL
UNION ALL SELECT 'misspelt city (typing errors per field)', avg((city NOT IN (city1, old_city))::INT), 28 FROM shown WHERE city IS NOT NULL
UNION ALL SELECT 'placeholder e-mail', avg((email IN (SELECT value FROM placeholder))::INT), 29 FROM shown
UNION ALL SELECT 'with e-mail', count(email) / count(*), 40 FROM shown
UNION ALL SELECT 'with phone', count(phone) / count(*), 41 FROM shown
UNION ALL SELECT 'with street', count(address_line1) / count(*), 42 FROM shown
UNION ALL SELECT 'with postal code', count(postal_code) / count(*), 43 FROM shown
UNION ALL SELECT 'with birth date', count(birth_date) / count(*), 44 FROM shown
UNION ALL SELECT 'true pairs with an equal e-mail', avg(coalesce(email, false)::INT), 60 FROM pair
UNION ALL SELECT 'true pairs with an equal phone', avg(coalesce(phone, false)::INT), 61 FROM pair
UNION ALL SELECT 'true pairs with an equal full name', avg(coalesce(given AND family, false)::INT), 62 FROM pair
UNION ALL SELECT 'true pairs that eight plain keys bring together', avg((coalesce(email, false) OR coalesce(phone, false)
  OR coalesce(family AND postal, false) OR coalesce(given AND family, false) OR coalesce(local, false) OR coalesce(given AND postal, false)
  OR coalesce(postal AND street, false) OR coalesce(birth AND family, false))::INT), 65 FROM pair
UNION ALL SELECT 'true pairs equal in something but names and city', avg(coalesce(email, false)::INT | coalesce(phone, false)::INT
  | coalesce(street, false)::INT | coalesce(postal, false)::INT | coalesce(birth, false)::INT | coalesce(company, false)::INT
  | coalesce(tax, false)::INT), 63 FROM pair
UNION ALL SELECT 'true pairs equal in anything (a ceiling for exact keys)', avg((coalesce(given, false) OR coalesce(family, false)
  OR coalesce(email, false) OR coalesce(phone, false) OR coalesce(street, false) OR coalesce(postal, false) OR coalesce(city, false)
  OR coalesce(birth, false) OR coalesce(company, false) OR coalesce(tax, false))::INT), 64 FROM pair;
