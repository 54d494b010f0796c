-- Customers and the companies they belong to; accounts.py says by which rules.

-- do a company's name and a domain, or two company names, say the same? pembertonbros and pembertonbrothers, acme and acmetools
CREATE OR REPLACE TEMP MACRO id_resembles(a, b) AS
  coalesce(
    a = b
    OR (least(length(a), length(b)) >= 4 AND (starts_with(a, b) OR starts_with(b, a)))
    OR (least(length(a), length(b)) >= 5 AND jaro_winkler_similarity(a, b, 0.9) >= 0.9),
    false);

-- the longest part of a domain before its last dot, as it would stand in a match key: pembertonbros of mail.pembertonbros.co.uk
CREATE OR REPLACE TEMP MACRO id_domain_name(domain) AS
  regexp_replace(
    list_reduce(string_split(domain, '.')[:-2], lambda a, b: CASE WHEN length(b) > length(a) THEN b ELSE a END), '[^a-z0-9]', '', 'g');

-- Customers of whom a record says company and none says person. Of a million records few do, so the others need not be looked at.
CREATE OR REPLACE TEMP TABLE id_firm AS
WITH alive AS (
  SELECT record_key, party_type FROM staging.party_record WHERE NOT is_test AND NOT is_deleted
), company AS (
  SELECT DISTINCT customer_id FROM {members} SEMI JOIN (FROM alive WHERE party_type = 'company') USING (record_key)
)
FROM company ANTI JOIN (
  SELECT customer_id FROM (FROM {members} SEMI JOIN company USING (customer_id)) SEMI JOIN (FROM alive WHERE party_type = 'person') USING (record_key)
) USING (customer_id);

-- Their mailboxes, but for those that so many have that they are no evidence.
CREATE OR REPLACE TEMP TABLE id_firm_record AS FROM {members} SEMI JOIN id_firm USING (customer_id);
CREATE OR REPLACE TEMP TABLE id_firm_mailbox AS
SELECT DISTINCT customer_id, email_key AS email, split_part(email_key, '@', 2) AS domain FROM staging.party_record JOIN id_firm_record USING (record_key)
WHERE NOT is_test AND NOT is_deleted
  AND email_key NOT IN (SELECT value FROM {blocked} WHERE id_type IN ('email', 'configured'));

-- The domains of a single company, no provider's
CREATE OR REPLACE TEMP TABLE id_firm_domain AS
SELECT domain FROM id_firm_mailbox
WHERE domain <> '' AND domain NOT IN (FROM id_free_domain) AND NOT EXISTS (FROM id_relay WHERE starts_with(domain, beginning))
GROUP BY domain HAVING count(DISTINCT customer_id) = 1;

-- What speaks of a company: the companies' own records, and of the others those that name one or share its mailbox or domain.
CREATE OR REPLACE TEMP TABLE id_party AS
WITH speaking AS (
  SELECT record_key, source_system, source_record_id, account_id, company_key AS company, lower(company_name) AS spelling,
    country_code AS country, city_key AS city, email_is_role AS is_role, id_tax_key(tax_id) AS tax,
    CASE WHEN email_key NOT IN (SELECT value FROM {blocked} WHERE id_type IN ('email', 'configured')) THEN email_key END AS email
  FROM staging.party_record
  WHERE NOT is_test AND NOT is_deleted
    AND (company_key IS NOT NULL OR account_id IS NOT NULL OR tax_id IS NOT NULL
         OR email_key IN (SELECT email FROM id_firm_mailbox) OR split_part(email_key, '@', 2) IN (FROM id_firm_domain)
         OR record_key IN (SELECT record_key FROM id_firm_record))
)
SELECT m.customer_id, p.* EXCLUDE (record_key)
    REPLACE (CASE WHEN tax NOT IN (SELECT value FROM {blocked} WHERE id_type = 'tax_id') THEN tax END AS tax), d.domain
FROM speaking AS p JOIN {members} AS m USING (record_key) LEFT JOIN id_firm_domain AS d ON d.domain = split_part(p.email, '@', 2);

-- By which values a company is known; a value of many companies tells nothing. "strength": the stronger evidence outweighs all weaker.
CREATE OR REPLACE TEMP TABLE id_firm_value AS
WITH own AS (
  FROM id_party SEMI JOIN id_firm USING (customer_id)
), others AS (
  FROM id_party ANTI JOIN id_firm USING (customer_id)
), sole AS (
  SELECT domain, any_value(customer_id) AS firm, bool_or(is_role) AS has_role
  FROM own WHERE domain IS NOT NULL GROUP BY domain
), name AS (
  SELECT DISTINCT customer_id AS firm, company FROM own WHERE company IS NOT NULL
), said AS (
  SELECT DISTINCT domain, customer_id, company FROM others WHERE domain IS NOT NULL
), heard AS (
  -- what those at the domain say: the company's own name, another company's, or nothing
  SELECT domain, customer_id, bool_or(said.company IS NOT NULL) AS speaks, bool_or(id_resembles(said.company, name.company)) AS agrees
  FROM sole JOIN said USING (domain) JOIN name USING (firm) GROUP BY domain, customer_id
), crowd AS (
  SELECT domain, count(*) AS people, count(*) FILTER (agrees) AS agreeing, count(*) FILTER (speaks AND NOT agrees) AS disagreeing,
    count(*) FILTER (NOT speaks) AS silent
  FROM heard GROUP BY domain
), alike AS (
  SELECT domain, bool_or(id_resembles(name.company, id_domain_name(domain))) AS resembles FROM sole JOIN name USING (firm) GROUP BY domain
), owned AS (
  SELECT domain, firm FROM sole JOIN alike USING (domain) LEFT JOIN crowd USING (domain)
  WHERE CASE
    WHEN resembles THEN coalesce(disagreeing, 0) <= greatest(1, 0.1 * people)
    ELSE coalesce(disagreeing, 0) = 0 AND (agreeing >= 2 OR (has_role AND coalesce(silent, 0) <= $common)) END
), known AS (
  SELECT 16 AS strength, concat_ws(':', source_system, source_record_id) AS value, customer_id AS firm FROM own
  UNION SELECT 8, tax, customer_id FROM own WHERE tax IS NOT NULL
  UNION SELECT 4, email, customer_id FROM own WHERE email IS NOT NULL
  UNION SELECT 2, company, firm FROM name
  UNION SELECT 1, domain, firm FROM owned
)
FROM known QUALIFY count(*) OVER (PARTITION BY strength, value) <= $most;

CREATE OR REPLACE TEMP TABLE id_claim AS
WITH others AS (
  FROM id_party ANTI JOIN id_firm USING (customer_id)
), said AS (
  SELECT DISTINCT customer_id, company FROM others WHERE company IS NOT NULL
), name AS (
  SELECT DISTINCT firm, value AS company FROM id_firm_value WHERE strength = 2
), held AS (
  SELECT 16 AS strength, concat_ws(':', source_system, account_id) AS value, customer_id FROM others WHERE account_id IS NOT NULL
  UNION SELECT 8, tax, customer_id FROM others WHERE tax IS NOT NULL
  UNION SELECT 4, email, customer_id FROM others WHERE email IS NOT NULL
  UNION SELECT 2, company, customer_id FROM said
  UNION SELECT 1, domain, customer_id FROM others WHERE domain IS NOT NULL
), pair AS (
  SELECT customer_id, firm, strength FROM held JOIN id_firm_value USING (strength, value)
), denied AS (
  -- in the company's domain, but of another company by its own word
  SELECT customer_id, firm FROM pair JOIN said USING (customer_id) JOIN name USING (firm)
  WHERE strength = 1 GROUP BY customer_id, firm HAVING NOT bool_or(id_resembles(said.company, name.company))
)
SELECT customer_id, firm, sum(strength) AS strength FROM (
  SELECT DISTINCT customer_id, firm, strength FROM pair ANTI JOIN (SELECT *, 1 AS strength FROM denied) USING (customer_id, firm, strength)
) GROUP BY customer_id, firm
QUALIFY sum(strength) = max(sum(strength)) OVER (PARTITION BY customer_id);

CREATE OR REPLACE TEMP TABLE customer_account AS
WITH tied AS (
  FROM id_claim QUALIFY count(*) OVER (PARTITION BY customer_id) > 1
), likeness AS (
  SELECT t.customer_id, t.firm, t.strength,
    max(4 * coalesce(p.spelling = f.spelling, false)::INT + 2 * coalesce(p.country = f.country, false)::INT
      + coalesce(p.city = f.city, false)::INT) AS alike
  FROM tied AS t JOIN id_party AS p ON p.customer_id = t.customer_id JOIN id_party AS f ON f.customer_id = t.firm
  WHERE p.company = f.company
  GROUP BY ALL
), nearest AS (
  FROM likeness QUALIFY alike = max(alike) OVER (PARTITION BY customer_id)
), chosen AS (
  FROM id_claim ANTI JOIN tied USING (customer_id)
  UNION ALL
  SELECT customer_id, firm, strength FROM nearest QUALIFY count(*) OVER (PARTITION BY customer_id) = 1
)
SELECT customer_id, firm AS account_customer_id,
  CASE WHEN strength >= 16 THEN 'record' WHEN strength >= 8 THEN 'tax_id' WHEN strength >= 4 THEN 'mailbox' WHEN strength >= 2 THEN 'company_name'
    ELSE 'email_domain' END AS account_rule
FROM chosen;
