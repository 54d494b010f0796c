-- Every override with what became of it in this load.
CREATE OR REPLACE TABLE golden.attribute_override AS
WITH candidate AS (
  -- the members of a group share their fate
  SELECT override_id, bool_or(is_winner) AS has_won
  FROM golden.customer_attribute WHERE override_id IS NOT NULL GROUP BY override_id
), winner AS (
  SELECT DISTINCT c.customer_id, d.decided_by AS attribute, c.override_id
  FROM golden.customer_attribute c JOIN (SELECT unnest($columns) AS attribute, unnest($deciders) AS decided_by) d USING (attribute)
  WHERE c.is_winner AND c.override_id IS NOT NULL
)
SELECT s.override_id, o.customer_id, s.anchor_record_key, s.attribute, s.action, s.value, s.reason, s.created_by, s.created_at, s.expires_at,
       s.revoked_at, s.revoked_by, s.revoke_reason,
       CASE
         WHEN s.revoked_at IS NOT NULL THEN 'revoked'
         WHEN f.override_id IS NULL THEN 'expired'
         WHEN c.override_id IS NOT NULL AND (s.action = 'ignore' OR c.has_won) THEN 'applied'
         WHEN r.override_id <> s.override_id OR c.override_id IS NOT NULL THEN 'overruled'
         ELSE 'without_value'
       END AS state,
       CASE WHEN f.override_id IS NULL OR (c.override_id IS NOT NULL AND (s.action = 'ignore' OR c.has_won)) THEN NULL
            WHEN r.override_id <> s.override_id THEN r.override_id
            WHEN c.override_id IS NOT NULL THEN w.override_id END AS overruled_by
FROM {overrides} s
LEFT JOIN owner o ON o.record_key = s.anchor_record_key
LEFT JOIN override_in_force f USING (override_id)
LEFT JOIN candidate c USING (override_id)
LEFT JOIN ruling r ON r.record_key = s.anchor_record_key AND r.attribute = s.attribute AND s.action IN ('pin', 'ignore')
LEFT JOIN winner w ON w.customer_id = o.customer_id AND w.attribute = s.attribute;
