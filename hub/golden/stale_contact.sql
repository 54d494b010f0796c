-- Customers of whom nothing was heard for so many days, and whose e-mail and phone no source has confirmed since.
CREATE OR REPLACE VIEW golden.stale_contact AS
WITH confirmed AS (
  SELECT customer_id, max(last_seen_at) AS contact_confirmed_at
  FROM golden.customer_identifier WHERE id_type IN ('email', 'phone') AND is_primary GROUP BY customer_id
)
SELECT c.customer_id, c.lifecycle_stage, c.source_systems, c.email, c.phone_e164, c.last_activity_at, k.contact_confirmed_at,
       s.as_of_date - CAST(c.last_activity_at AS DATE) AS days_since_activity
FROM golden.customer c
CROSS JOIN golden.reporting s
LEFT JOIN confirmed k USING (customer_id)
WHERE c.status = 'active' AND NOT c.is_test
  AND (c.last_activity_at IS NULL OR CAST(c.last_activity_at AS DATE) < s.as_of_date - s.stale_after_days)
  AND (k.contact_confirmed_at IS NULL OR CAST(k.contact_confirmed_at AS DATE) < s.as_of_date - s.stale_after_days)
