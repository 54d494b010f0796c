-- What masks are made of, as macros for the length of a session.
-- A pseudonym is an HMAC-SHA256 (RFC 2104) by the hub's secret, cut to 64 bits: equal values have equal ones, and nobody without the
-- secret can find a value's by trying.
CREATE OR REPLACE TEMP MACRO hub_pseudonym(x) AS
  'x_' || left(sha256(getvariable('mask_outer')::BLOB || unhex(sha256(getvariable('mask_inner')::BLOB || encode(x)))), 16);
-- Whether a text that is no personal column's holds an address or a number all the same, as where a source's own ID is one.
CREATE OR REPLACE TEMP MACRO hub_betrays(x) AS
  contains(x, '@') OR contains(x, '%40') OR (contains(x, '+') AND regexp_matches(x, '(^|[^0-9A-Za-z])\+[0-9]{7}'));
-- Such a text keeps the words before it (source, stream), so that a key and the ID in it still belong to each other.
CREATE OR REPLACE TEMP MACRO hub_kept(x) AS
  CASE WHEN hub_betrays(x)
       THEN regexp_extract(x, '^(?:[A-Za-z0-9_]+:)*') || hub_pseudonym(regexp_replace(x, '^(?:[A-Za-z0-9_]+:)*', ''))
       ELSE x END;
