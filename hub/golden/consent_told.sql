-- What staging has of consent, each with the address or number that it is about: its own, else the record's whose it is.
CREATE OR REPLACE TEMP VIEW consent_told AS
SELECT f.* EXCLUDE (identifier),
       coalesce(f.identifier, CASE WHEN f.channel = 'email' THEN p.email_norm WHEN f.channel IN ('sms', 'call') THEN p.phone_e164 END)
         AS identifier
FROM staging.consent f
LEFT JOIN staging.party_record p ON p.record_key = f.party_record_key;
