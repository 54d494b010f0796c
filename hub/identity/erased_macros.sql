-- An HMAC-SHA256 (RFC 2104) of a text, by the pads of the key that lie in two variables; and what an erased record is called from then on.
CREATE OR REPLACE TEMP MACRO erased_key(said) AS
  sha256(getvariable('erased_outer')::BLOB || unhex(sha256(getvariable('erased_inner')::BLOB || encode(said))));
CREATE OR REPLACE TEMP MACRO erased_name(record_key) AS
  split_part(record_key, ':', 1) || ':' || split_part(record_key, ':', 2) || ':erased-' || left(erased_key('record|' || record_key), 24);
