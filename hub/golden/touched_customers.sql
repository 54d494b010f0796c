-- The customers that must be made anew, and everything they did. old_... and new_... are the rows of golden tables that changed.
CREATE OR REPLACE TEMP TABLE saying AS
SELECT customer_id, identifier FROM old_consent UNION SELECT customer_id, identifier FROM new_consent
UNION
-- or nobody may contact them by it any more
SELECT NULL, key FROM came_suppressed UNION SELECT NULL, key FROM went_suppressed;

-- the records that have such an address or number; where nobody said anything, which is most days, none is looked at
CREATE OR REPLACE TEMP TABLE said_record AS
SELECT record_key FROM staging.party_record SEMI JOIN saying ON identifier = email_norm
UNION
SELECT record_key FROM staging.party_record SEMI JOIN saying ON identifier = phone_e164;

CREATE OR REPLACE TEMP TABLE touched_customer AS
SELECT DISTINCT customer_id FROM (
  FROM touched_person
  UNION ALL SELECT customer_id FROM old_customer_order UNION ALL SELECT customer_id FROM new_customer_order
  UNION ALL SELECT customer_id FROM old_order_line UNION ALL SELECT customer_id FROM new_order_line
  UNION ALL SELECT customer_id FROM old_invoice UNION ALL SELECT customer_id FROM new_invoice
  UNION ALL SELECT customer_id FROM old_payment UNION ALL SELECT customer_id FROM new_payment
  UNION ALL SELECT customer_id FROM old_refund UNION ALL SELECT customer_id FROM new_refund
  UNION ALL SELECT customer_id FROM old_ticket UNION ALL SELECT customer_id FROM new_ticket
  UNION ALL SELECT customer_id FROM old_lead UNION ALL SELECT customer_id FROM new_lead
  UNION ALL SELECT customer_id FROM old_touchpoint UNION ALL SELECT customer_id FROM new_touchpoint
  UNION ALL
  -- somebody said something else of their own, or of an address or number of theirs
  SELECT customer_id FROM saying
  UNION ALL
  SELECT customer_id FROM owner_current SEMI JOIN said_record USING (record_key)
  UNION ALL
  SELECT customer_id FROM golden.customer SEMI JOIN saying ON identifier = email
  UNION ALL
  SELECT customer_id FROM golden.customer SEMI JOIN saying ON identifier = phone_e164
  UNION ALL
  -- the campaign of a lead has another name
  SELECT customer_id FROM golden.lead
  SEMI JOIN (SELECT campaign_key FROM old_ad_campaign UNION ALL SELECT campaign_key FROM new_ad_campaign) USING (campaign_key)
  UNION ALL
  -- another company, or none any more
  SELECT customer_id
  FROM (FROM golden.customer WHERE account_customer_id IS NOT NULL) AS c
  FULL JOIN (FROM customer_account SEMI JOIN golden.customer USING (customer_id)) AS a USING (customer_id)
  WHERE c.account_customer_id IS DISTINCT FROM a.account_customer_id OR c.account_rule IS DISTINCT FROM a.account_rule
  UNION ALL
  -- a purchase that is younger than a year no more
  SELECT customer_id FROM (
    SELECT customer_id, ordered_at::DATE AS day FROM golden.customer_order UNION ALL SELECT customer_id, issued_at::DATE FROM golden.invoice
  ) WHERE day > least($before, $day)::DATE - 365 AND day <= greatest($before, $day)::DATE - 365
  UNION ALL
  -- refunds that name nothing, of a source whose orders tell of refunds now and did not before, or the other way round
  SELECT customer_id FROM golden.refund SEMI JOIN (
    (FROM silent_source_before EXCEPT FROM silent_source) UNION ALL (FROM silent_source EXCEPT FROM silent_source_before)
  ) USING (source_system)
  WHERE taken_off = 'customer'
)
WHERE customer_id IS NOT NULL;

CREATE OR REPLACE TEMP TABLE own_customer_order AS
SELECT * EXCLUDE (landing_url, referrer_url) FROM golden.customer_order SEMI JOIN touched_customer USING (customer_id);
CREATE OR REPLACE TEMP TABLE own_order_line AS SELECT customer_id FROM golden.order_line SEMI JOIN touched_customer USING (customer_id);
CREATE OR REPLACE TEMP TABLE own_invoice AS FROM golden.invoice SEMI JOIN touched_customer USING (customer_id);
CREATE OR REPLACE TEMP TABLE own_payment AS FROM golden.payment SEMI JOIN touched_customer USING (customer_id);
CREATE OR REPLACE TEMP TABLE own_refund AS FROM golden.refund SEMI JOIN touched_customer USING (customer_id);
CREATE OR REPLACE TEMP TABLE own_ticket AS SELECT * EXCLUDE (subject) FROM golden.ticket SEMI JOIN touched_customer USING (customer_id);
CREATE OR REPLACE TEMP TABLE own_lead AS FROM golden.lead SEMI JOIN touched_customer USING (customer_id);
CREATE OR REPLACE TEMP TABLE own_touchpoint AS
SELECT touchpoint_key, customer_id, occurred_at, channel_group FROM golden.touchpoint SEMI JOIN touched_customer USING (customer_id);
CREATE OR REPLACE TEMP TABLE own_customer_attribute AS
SELECT customer_id, attribute, value, source_system, source_updated_at, is_winner, survivorship_rule
FROM (FROM golden.customer_attribute WHERE is_winner) SEMI JOIN touched_customer USING (customer_id);
CREATE OR REPLACE TEMP TABLE own_owner AS FROM owner_current SEMI JOIN touched_customer USING (customer_id);
CREATE OR REPLACE TEMP TABLE own_customer_xref AS
SELECT customer_id, is_current, match_probability FROM identity.customer_xref SEMI JOIN touched_customer USING (customer_id);
-- the addresses and numbers of theirs of which anybody said something
CREATE OR REPLACE TEMP TABLE own_identifier AS
WITH said AS (
  SELECT DISTINCT identifier FROM golden.consent WHERE identifier IS NOT NULL
), told AS (
  SELECT record_key, identifier FROM staging.party_record JOIN said ON identifier = email_norm
  UNION ALL
  SELECT record_key, identifier FROM staging.party_record JOIN said ON identifier = phone_e164
)
SELECT identifier FROM told SEMI JOIN own_owner USING (record_key)
UNION
SELECT identifier FROM said SEMI JOIN (FROM own_customer_attribute WHERE attribute IN ('email', 'phone_e164')) ON identifier = value;
CREATE OR REPLACE TEMP TABLE own_consent AS
FROM golden.consent
WHERE customer_id IN (SELECT customer_id FROM touched_customer) OR identifier IN (SELECT identifier FROM own_identifier);
CREATE OR REPLACE TEMP TABLE own_consent_owner AS SELECT customer_id FROM own_consent SEMI JOIN touched_customer USING (customer_id);
