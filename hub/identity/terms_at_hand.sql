-- Of the frozen terms, those that the records at hand can ask for, and the totals.
CREATE OR REPLACE TEMP TABLE id_term AS
WITH said AS (
  SELECT DISTINCT value
  FROM (SELECT given, middle, family, company, email, email_local, phone, street, city, postal, tax FROM id_record)
  UNPIVOT (value FOR name IN (given, middle, family, company, email, email_local, phone, street, city, postal, tax))
)
SELECT term_type, term, records FROM {live}.term_frequency
WHERE starts_with(term_type, 'all') OR starts_with(term_type, 'block:') OR term IN (FROM said);
