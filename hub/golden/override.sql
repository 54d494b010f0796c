-- The steward's overrides that are in force when the load begins, and the customer each is about: its record's, wherever that went.
CREATE OR REPLACE TEMP TABLE override_in_force AS
SELECT s.override_id, s.anchor_record_key, o.customer_id, s.attribute, s.action, s.value, s.created_at,
       row_number() OVER (ORDER BY s.created_at, s.override_id) AS nth  -- of two that meet, the newer decides
FROM {overrides} s LEFT JOIN owner o ON o.record_key = s.anchor_record_key
WHERE s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > $now);

-- What is said of a record's own value: the newest pin or ignore.
CREATE OR REPLACE TEMP TABLE ruling AS
SELECT anchor_record_key AS record_key, attribute, override_id, action, nth
FROM override_in_force WHERE action IN ('pin', 'ignore')
QUALIFY row_number() OVER (PARTITION BY anchor_record_key, attribute ORDER BY nth DESC) = 1;

-- Values that a steward wrote. A customer whose records are all gone has none.
CREATE OR REPLACE TEMP TABLE setting AS
SELECT customer_id, attribute, override_id, value, created_at, nth
FROM override_in_force SEMI JOIN owner_current USING (customer_id)
WHERE action = 'set';
