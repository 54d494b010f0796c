-- Consents that must be judged anew: those that came, went or changed, whose record did, or that lapsed; and all others of the same
-- addresses and numbers, then and now. golden holds what is published.
CREATE OR REPLACE TEMP TABLE changed_consent AS
SELECT key AS consent_key FROM came_consent UNION SELECT key FROM went_consent
UNION
SELECT consent_key FROM staging.consent SEMI JOIN moved ON record_key = party_record_key
UNION
SELECT consent_key FROM staging.consent
SEMI JOIN (SELECT key FROM came_party_record UNION ALL SELECT key FROM went_party_record) ON key = party_record_key
UNION
SELECT consent_key FROM golden.consent
WHERE expires_at::DATE BETWEEN least($before, $day)::DATE AND greatest($before, $day)::DATE
  OR captured_at::DATE BETWEEN least($before, $day)::DATE AND greatest($before, $day)::DATE + 2;

CREATE OR REPLACE TEMP TABLE changed_identifier AS
SELECT identifier FROM golden.consent SEMI JOIN changed_consent USING (consent_key) WHERE identifier IS NOT NULL
UNION
SELECT identifier FROM consent_told SEMI JOIN changed_consent USING (consent_key) WHERE identifier IS NOT NULL;

CREATE OR REPLACE TEMP TABLE touched_consent AS
FROM changed_consent UNION SELECT consent_key FROM golden.consent SEMI JOIN changed_identifier USING (identifier);
CREATE OR REPLACE TEMP TABLE part_consent AS FROM consent_told SEMI JOIN touched_consent USING (consent_key);
