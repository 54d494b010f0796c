-- What is kept of people who are erased: HMACs by which their records, and new records of theirs, are known again. `erasing`
-- (record_key, customer_id) says whose records they are.
WITH party AS (
  SELECT p.*, e.customer_id FROM staging.party_record p LEFT JOIN erasing e USING (record_key)
), word AS (
  SELECT DISTINCT customer_id, given_key AS given, NULL AS family FROM party WHERE customer_id IS NOT NULL AND given_key IS NOT NULL
  UNION
  SELECT customer_id, NULL, coalesce(family_key, company_key) FROM party
  WHERE customer_id IS NOT NULL AND coalesce(family_key, company_key) IS NOT NULL
), pair AS (
  SELECT g.customer_id, g.given, f.family FROM word g JOIN word f USING (customer_id) WHERE g.given IS NOT NULL AND f.family IS NOT NULL
), address AS (
  SELECT customer_id, 'email' AS id_type, email_key AS value, bool_or(email_is_role) AS is_role
  FROM party WHERE customer_id IS NOT NULL AND email_key IS NOT NULL GROUP BY ALL
  UNION ALL
  SELECT customer_id, 'phone', phone_key, false FROM party WHERE customer_id IS NOT NULL AND phone_key IS NOT NULL GROUP BY ALL
), judged AS (
  -- a number is a household's more often than not; a mailbox is one person's if no other customer has it
  SELECT *, id_type = 'email' AND NOT is_role AND NOT EXISTS (
    FROM party o WHERE o.email_key = a.value AND o.customer_id IS DISTINCT FROM a.customer_id) AS is_alone
  FROM address a
), said AS (
  SELECT customer_id, 'record' AS kind, 'record|' || record_key AS text FROM erasing
  UNION ALL
  SELECT customer_id, 'email', 'email|' || value FROM judged WHERE is_alone
  UNION ALL
  SELECT customer_id, 'email_name', 'email|' || value || CASE WHEN given IS NOT NULL THEN '|given|' || given ELSE '|family|' || family END
  FROM judged JOIN word USING (customer_id) WHERE is_alone
  UNION ALL
  SELECT customer_id, id_type || '_name', id_type || '|' || value || '|both|' || given || '|' || family
  FROM judged JOIN pair USING (customer_id) WHERE NOT is_alone
)
SELECT DISTINCT customer_id, kind, erased_key(text) AS hmac FROM said ORDER BY ALL
