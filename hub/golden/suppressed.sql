-- The addresses and numbers that nobody may be contacted by, found by their HMAC among those that are known. An HMAC (RFC 2104) is
-- the hash of the outer key and the hash of the inner key and the text.
CREATE OR REPLACE TEMP TABLE suppressed AS
WITH known AS (
  SELECT email_norm AS identifier FROM staging.party_record WHERE email_norm IS NOT NULL
  UNION
  SELECT phone_e164 FROM staging.party_record WHERE phone_e164 IS NOT NULL
  UNION
  SELECT value FROM override_in_force WHERE action = 'set' AND attribute IN ('email', 'phone_e164')
)
SELECT identifier FROM known
WHERE sha256($outer::BLOB || unhex(sha256($inner::BLOB || encode(identifier)))) IN (SELECT id_hmac FROM {relation} WHERE lifted_at IS NULL)
