-- Of normalised parties, those who are erased: by record; by a mailbox that was theirs alone, unless the record names somebody else;
-- by a shared mailbox or a number together with given and family name. Records that are somebody's already ({others}) are known by key only.
WITH asked AS (
  SELECT record_key, given_key AS given, coalesce(family_key, company_key) AS family, email_key AS email, phone_key AS phone
  FROM {relation}
), said AS (
  SELECT record_key, 'record|' || record_key AS text FROM asked
  UNION ALL
  SELECT record_key, 'email|' || email FROM asked WHERE given IS NULL AND family IS NULL
  UNION ALL
  SELECT record_key, 'email|' || email || '|given|' || given FROM asked
  UNION ALL
  SELECT record_key, 'email|' || email || '|family|' || family FROM asked
  UNION ALL
  SELECT record_key, 'email|' || email || '|both|' || given || '|' || family FROM asked
  UNION ALL
  SELECT record_key, 'phone|' || phone || '|both|' || given || '|' || family FROM asked
)
SELECT record_key, any_value(request_id) AS request_id
FROM said JOIN erased_list ON hmac = erased_key(text)
WHERE text IS NOT NULL AND (starts_with(text, 'record|') OR record_key NOT IN (SELECT record_key FROM {others}))
GROUP BY record_key ORDER BY record_key
