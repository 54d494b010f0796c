-- Match keys that staging does not hold. A tax ID in one writing: letters and digits only, without the country before a VAT ID, which
-- many systems leave out. NULL where it is somebody's way to fill a mandatory field: one digit over and over, or digits in their order.
CREATE OR REPLACE TEMP MACRO id_tax_written(tax_id) AS
  regexp_replace(regexp_replace(upper(tax_id), '[^A-Z0-9]', '', 'g'), '^[A-Z]{2}([A-Z]?[0-9])', '\1');
CREATE OR REPLACE TEMP MACRO id_is_filler(digits) AS
  length(digits) >= 5 AND (translate(digits, left(digits, 1), '') = '' OR contains('12345678901234567890', digits)
    OR contains('98765432109876543210', digits));
CREATE OR REPLACE TEMP MACRO id_tax_key(tax_id) AS
  CASE WHEN NOT id_is_filler(regexp_replace(id_tax_written(tax_id), '[^0-9]', '', 'g')) THEN nullif(id_tax_written(tax_id), '') END;
-- A name in one spelling, whether a system could write its letters or not: Müller (muller) and Mueller, Ødegård (odegard) and Oedegaard.
-- After a, e or q a "ue" is none (Bauer, Neuer, Quentin). Said of every name alike, so names that are one stay one.
CREATE OR REPLACE TEMP MACRO id_spelt(key) AS
  CASE
    WHEN length(key) >= 4 AND regexp_matches(key, 'ae|oe|ue|aa')
    THEN regexp_replace(replace(replace(replace(key, 'aa', 'a'), 'ae', 'a'), 'oe', 'o'), '(^|[^aeq])ue', '\1u', 'g')
    ELSE key END;
