-- What sources call the same thing. A word that is not known is unclear, which keeps people from being contacted until it is mended.
CREATE OR REPLACE TEMP MACRO consent_word(text) AS lower(regexp_replace(trim(text), '[\s_-]+', '_', 'g'));

CREATE OR REPLACE TEMP MACRO consent_status(text) AS CASE
  WHEN consent_word(text) IN ('granted', 'true', 't', 'yes', 'y', '1', 'on', 'subscribed', 'opt_in', 'opted_in', 'optin', 'accepted', 'active')
    THEN 'granted'
  WHEN consent_word(text) IN ('denied', 'false', 'f', 'no', 'n', '0', 'off', 'unsubscribed', 'opt_out', 'opted_out', 'optout', 'revoked',
                              'withdrawn', 'declined', 'rejected', 'suppressed', 'complained', 'bounced', 'do_not_contact', 'never')
    THEN 'denied'
  WHEN consent_word(text) IN ('pending', 'unconfirmed') THEN 'pending'
  WHEN consent_word(text) IN ('not_given', 'not_subscribed', 'never_subscribed', 'never_asked', 'not_asked', 'unknown', 'none') THEN 'not_given'
  -- a source that takes its own denial back, which is no word of the person's
  WHEN consent_word(text) = 'lifted' THEN 'lifted'
  WHEN consent_word(text) <> '' THEN 'unclear'
END;

CREATE OR REPLACE TEMP MACRO consent_channel(text) AS CASE
  WHEN consent_word(text) IN ('email', 'e_mail', 'mail', 'newsletter') THEN 'email'
  WHEN consent_word(text) IN ('sms', 'text', 'text_message') THEN 'sms'
  WHEN consent_word(text) IN ('call', 'phone', 'voice', 'telephone') THEN 'call'
  WHEN consent_word(text) IN ('all', 'any', '*') THEN 'all'
  ELSE consent_word(text)
END;
