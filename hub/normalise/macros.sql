-- The rules that hold for every row, as macros, so that each stands once. Values that need a library are learnt value by value
-- (store.py) and joined; what is here must never disagree with the library, and the tests compare the two.

-- Control characters and whatever has no width go, white space of any kind becomes single spaces; '' is NULL (values.clean_text).
-- The first branch is nearly always taken: printable ASCII and composed letters of the common scripts need nothing.
CREATE OR REPLACE TEMP MACRO norm_clean(x) AS
  CASE
    WHEN regexp_full_match(x, replace('C+(?: C+)*', 'C', '[!-~\x{A1}-\x{AC}\x{AE}-\x{24F}\x{400}-\x{482}\x{48A}-\x{52F}\x{3041}-\x{3096}\x{30A1}-\x{30FA}\x{4E00}-\x{9FFF}\x{AC00}-\x{D7A3}]'))
    THEN x
    ELSE nullif(trim(regexp_replace(
      nfc_normalize(regexp_replace(x, '[\x00-\x08\x0E-\x1F\x7F-\x84\x86-\x9F\p{Cf}]', '', 'g')),
      '[\s\x0B\x85\p{Z}]+', ' ', 'g')), '')
  END;

-- Words that stand for "nothing" (n/a, unknown, ...) are nothing, and so is mere punctuation. A pattern and not a join, because
-- most columns are asked.
CREATE OR REPLACE TEMP MACRO norm_said(x) AS CASE WHEN regexp_full_match(x, '$placeholders') THEN NULL ELSE x END;

-- What normalised_value is asked for: keys are bounded, because an index entry is.
CREATE OR REPLACE TEMP MACRO norm_raw(x) AS "left"(x, 1000);
CREATE OR REPLACE TEMP MACRO norm_foreign(x) AS CASE WHEN strlen(x) <> length(x) THEN norm_raw(x) END;

CREATE OR REPLACE TEMP MACRO norm_letters(folded) AS
  CASE WHEN regexp_full_match(folded, '[a-z]+') THEN folded ELSE nullif(regexp_replace(folded, '[^a-z]', '', 'g'), '') END;

-- names -----------------------------------------------------------------------------------------------------------------

-- All lower, or SHOUTED; two capitals alone are initials, unless the whole name is in capitals. Scripts without case are neither.
CREATE OR REPLACE TEMP MACRO norm_is_shouted(x) AS x = upper(x) AND x <> lower(x) AND length(x) > 2;
CREATE OR REPLACE TEMP MACRO norm_caseless(x, whole_is_shouted) AS
  CASE WHEN length(x) <= 1000 AND lower(x) <> upper(x) AND (x = lower(x) OR whole_is_shouted OR norm_is_shouted(x)) THEN x END;

-- Up to three plain words of Latin script, or "Family, Given": nameparser would say the same (unless a word is special).
CREATE OR REPLACE TEMP MACRO norm_is_plain_name(x) AS regexp_full_match(x, replace(replace(
  'W(?: W)?|W (?:W|L\.?) W|W, W(?: (?:W|L\.?))?', 'W', 'L(?:L|-)*L'), 'L', '[A-Za-zÀ-ÖØ-öø-ɏ]'));
CREATE OR REPLACE TEMP MACRO norm_is_special(x) AS
  lower(replace(x, '.', '')) IN (SELECT word FROM normalise_word WHERE list = 'special_name')
  OR regexp_full_match(x, '(?i)[ivxlcdm]+\.?');
CREATE OR REPLACE TEMP MACRO norm_splits_plainly(x) AS
  norm_is_plain_name(x) AND NOT norm_is_special(split_part(replace(x, ',', ''), ' ', 1))
  AND NOT norm_is_special(split_part(x, ' ', 2)) AND NOT norm_is_special(split_part(x, ' ', 3));

CREATE OR REPLACE TEMP MACRO norm_without_title(x) AS
  regexp_replace(x, '(?i)^(?:(?:mr|mrs|ms|miss|mx|dr|prof|herr|frau|hr|fr|mme|mlle|sra|srta|dott|ing|mag)\.? )+', '');
CREATE OR REPLACE TEMP MACRO norm_generation(x) AS
  CASE lower(regexp_extract(x, '(?i)[^,],? (jr|jnr|sr|snr|ii|iii|iv)\.?$', 1))
    WHEN 'jr' THEN 'Jr' WHEN 'jnr' THEN 'Jr' WHEN 'sr' THEN 'Sr' WHEN 'snr' THEN 'Sr'
    WHEN 'ii' THEN 'II' WHEN 'iii' THEN 'III' WHEN 'iv' THEN 'IV'
  END;
CREATE OR REPLACE TEMP MACRO norm_without_generation(x) AS
  CASE WHEN norm_generation(x) IS NULL THEN x ELSE regexp_replace(x, '(?i),? (?:jr|jnr|sr|snr|ii|iii|iv)\.?$', '') END;

-- companies -------------------------------------------------------------------------------------------------------------

-- A legal form at the end. Short ones that are surnames too (Anna Sa, Peter Co) count only in capitals or with dots, and not in
-- a name that is all capitals.
CREATE OR REPLACE TEMP MACRO norm_has_legal_form(x) AS
  regexp_matches(x, '(?i)[\s,](?:ltd|limited|l\.?l\.?c|l\.?l\.?p|inc|incorporated|corp|corporation|company|plc|gmbh|mbh|kg|kgaa|ohg|gbr|ug|ag|e\.\s?v|n\.\s?v|nv|b\.\s?v|bv|oy|oyj|aps|a/s|s\.\s?a|s\.\s?a\.\s?s|s\.\s?p\.\s?a|s\.?\s?r\.?\s?l|s\.?a\.?r\.?l|s\.\s?l|eurl|sasu|ltda|s\.?\s?de\s?r\.?\s?l|pty|pvt|bhd|kft|zrt|nyrt|s\.\s?r\.\s?o|sro|d\.\s?o\.\s?o|doo|sp\.?\s?z\.?\s?o\.?\s?o|co\.|ооо|оао|зао)\.?$')
  OR regexp_matches(x, '(?i)(?:&|\band\b|\bund\b|\bet\b) (?:co|cie|sons|söhne|fils|figli|partners?|associates|company)\.?$')
  OR regexp_matches(x, '^(?:株式会社|有限会社|合同会社|주식회사|ООО |ОАО |ЗАО |ПАО )|(?:株式会社|有限会社|合同会社|주식회사)$')
  OR (x <> upper(x) AND regexp_matches(x, '[\s,](?:SA|AS|AB|SE|SAS|SpA|SPA|SL|AD)$'));

CREATE OR REPLACE TEMP MACRO norm_last_word(x) AS replace(replace(replace(regexp_extract(lower(x), '(\S*[.\w])[^.\w]*$', 1), '.', ''), ',', ''), '-', '');
CREATE OR REPLACE TEMP MACRO norm_may_end_in_legal_form(x) AS
  strlen(x) <> length(x) OR norm_last_word(x) IN (SELECT word FROM normalise_word WHERE list = 'legal_ending');
CREATE OR REPLACE TEMP MACRO norm_company_key(folded) AS
  nullif(regexp_replace(regexp_replace(folded, '^the \b|\b(?:and|und|et)\b', ' ', 'g'), '[^a-z0-9]', '', 'g'), '');

-- e-mail ----------------------------------------------------------------------------------------------------------------

-- Plain addresses only: short, no doubled hyphen (IDN), no reserved top-level domain. The rest goes through email-validator.
CREATE OR REPLACE TEMP MACRO norm_plain_email(x) AS
  CASE
    WHEN length(x) <= 64
      AND regexp_full_match(lower(x), '[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}')
      AND NOT contains(x, '--')
      AND regexp_extract(lower(x), '[a-z]+$') NOT IN ('arpa', 'invalid', 'local', 'localhost', 'onion', 'test')
    THEN lower(x)
  END;
CREATE OR REPLACE TEMP MACRO norm_before_at(x) AS regexp_extract(x, '^([^@]+)@', 1);
CREATE OR REPLACE TEMP MACRO norm_after_at(x) AS regexp_extract(x, '@(.+)$', 1);
CREATE OR REPLACE TEMP MACRO norm_untagged(local) AS coalesce(nullif(regexp_extract(local, '^[^+]+'), ''), local);
-- what is compared with the word lists: sales-2 and sales are one
CREATE OR REPLACE TEMP MACRO norm_function(untagged) AS rtrim(replace(replace(replace(untagged, '.', ''), '_', ''), '-', ''), '0123456789');
CREATE OR REPLACE TEMP MACRO norm_is_junk_host(host) AS
  host IN (SELECT word FROM normalise_word WHERE list = 'junk_domain')
  OR regexp_extract(host, '\.([^.]+\.[^.]+)$', 1) IN (SELECT word FROM normalise_word WHERE list = 'junk_domain')
  OR regexp_extract(host, '\.([^.]+\.[^.]+\.[^.]+)$', 1) IN (SELECT word FROM normalise_word WHERE list = 'junk_domain');
CREATE OR REPLACE TEMP MACRO norm_mailbox(untagged, host) AS
  CASE
    WHEN host IN ('gmail.com', 'googlemail.com') THEN coalesce(nullif(replace(untagged, '.', ''), ''), untagged) || '@gmail.com'
    ELSE untagged || '@' || host
  END;

-- addresses -------------------------------------------------------------------------------------------------------------

-- From here on the text is folded: lower-case ASCII.
CREATE OR REPLACE TEMP MACRO norm_postal_code(folded, country) AS
  CASE
    WHEN country = 'US' AND regexp_full_match(folded, '\d{3,4}') THEN lpad(folded, 5, '0')  -- a spreadsheet ate the zeros
    WHEN coalesce(country, 'US') = 'US' AND regexp_full_match(folded, '\d{5}[- ]?\d{4}') THEN "left"(folded, 5)
    WHEN regexp_full_match(folded, '[0 .-]*') THEN NULL
    WHEN regexp_full_match(folded, '[a-z0-9]+') THEN folded
    ELSE nullif(regexp_replace(regexp_replace(folded, '^[a-z]{1,3}-(\d)', '\1'), '[^a-z0-9]', '', 'g'), '')  -- D-10115
  END;
CREATE OR REPLACE TEMP MACRO norm_city_words(folded) AS
  norm_letters(regexp_replace(regexp_replace(regexp_replace(folded, '[,(/].*$', ''), '\b(?:saint|sankt)\b', 'st', 'g'), '^(?:city of|greater) ', ''));
CREATE OR REPLACE TEMP MACRO norm_city(folded) AS
  CASE WHEN regexp_full_match(folded, '[a-z]+') THEN folded ELSE norm_city_words(folded) END;

CREATE OR REPLACE TEMP MACRO norm_street_word(x) AS
  coalesce((MAP {
    'street': 'st', 'strasse': 'st', 'str': 'st', 'straat': 'st', 'avenue': 'av', 'ave': 'av', 'avenida': 'av', 'avda': 'av',
    'road': 'rd', 'boulevard': 'blvd', 'bd': 'blvd', 'bvd': 'blvd', 'bvld': 'blvd', 'drive': 'dr', 'drv': 'dr', 'lane': 'ln',
    'court': 'ct', 'crt': 'ct', 'place': 'pl', 'platz': 'pl', 'square': 'sq', 'terrace': 'ter', 'terr': 'ter', 'tce': 'ter',
    'highway': 'hwy', 'parkway': 'pkwy', 'pky': 'pkwy', 'circle': 'cir', 'circuit': 'cct', 'close': 'cl', 'crescent': 'cres',
    'cr': 'cres', 'gardens': 'gdns', 'grove': 'gr', 'plaza': 'plz', 'pza': 'plz', 'piazza': 'plz', 'pzza': 'plz',
    'chemin': 'che', 'ch': 'che', 'route': 'rte', 'allee': 'all', 'calle': 'c', 'parade': 'pde', 'esplanade': 'esp',
    'mount': 'mt', 'fort': 'ft', 'saint': 'st', 'sankt': 'st', 'sainte': 'st', 'ste': 'st', 'north': 'n', 'south': 's',
    'east': 'e', 'west': 'w', 'northeast': 'ne', 'northwest': 'nw', 'southeast': 'se', 'southwest': 'sw',
    'first': '1st', 'second': '2nd', 'third': '3rd', 'fourth': '4th', 'fifth': '5th', 'no': '', 'nr': '', 'numero': ''
  })[x], CASE WHEN contains(x, 'str') THEN regexp_replace(x, '(?:strasse|straat|str)$', 'st') ELSE x END);
-- Flat, suite, floor: a person's door, too often left out or written elsewhere to compare.
CREATE OR REPLACE TEMP MACRO norm_without_unit(folded) AS
  CASE
    WHEN regexp_matches(folded, '\b(?:apt|apartment|apartement|appartement|appt|unit|suite|ste|flat|room|rm|floor|fl|bldg|building|top|whg|wohnung|etage|stock|piso|og|c/o)\b|[#/]|\d ?o\b')
    THEN regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(folded,
      'c/o [^,]*(?:,|$)', '', 'g'),
      '\b\d+ ?(?:st|nd|rd|th|\.|er|eme)? ?(?:floor|fl|og|etage|stock|piso)\b|, ?\d+ ?o\b.*', ' ', 'g'),
      '^(\d+\w?) ?/ ?(\d)', '\2'),                 -- 3/12 High St: unit before the house
      '(\d\w?)(?: ?/ ?\w+)+', '\1'),               -- Długa 5/7: flat after the house
      '\b(?:apt|apartment|apartement|appartement|appt|unit|suite|flat|room|rm|floor|fl|bldg|building|top|whg|wohnung|piso)\b[. ]*(?:no\b|nr\b)?[. #]*\w*|\bste\b[. ]*\d+\w*|# ?\w+', ' ', 'g')
    ELSE folded
  END;
CREATE OR REPLACE TEMP MACRO norm_house_number(words) AS
  coalesce(nullif(regexp_extract(words, '^(\d+[a-z]?)\b', 1), ''), nullif(regexp_extract(words, '\b(\d+ ?[a-z]?)$', 1), ''),
           regexp_extract(words, '\b(\d+[a-z]?)\b', 1));
CREATE OR REPLACE TEMP MACRO norm_street_words(without_unit) AS
  CASE
    WHEN regexp_full_match(without_unit, '[a-z0-9]+(?: [a-z0-9]+)*') THEN without_unit
    ELSE trim(regexp_replace(replace(replace(without_unit, '.', ''), '''', ''), '[^a-z0-9]+', ' ', 'g'))
  END;
-- "12 highst": the number, wherever it stood, then the words without spaces (Haupt Straße, Hauptstr.). A number alone is no street.
CREATE OR REPLACE TEMP MACRO norm_is_street(words) AS regexp_matches(words, '[a-z]{2}');
CREATE OR REPLACE TEMP MACRO norm_street_name(words, number) AS
  array_to_string(list_transform(string_split(trim(replace(' ' || words || ' ', ' ' || number || ' ', ' ')), ' '), lambda x: norm_street_word(x)), '');
CREATE OR REPLACE TEMP MACRO norm_street_key(number, name) AS
  CASE WHEN name <> '' THEN ltrim(replace(number, ' ', '') || ' ' || name) END;

-- dates and times ---------------------------------------------------------------------------------------------------------

CREATE OR REPLACE TEMP MACRO norm_unambiguous(a, b) AS CASE WHEN a IS NULL OR b IS NULL OR a = b THEN coalesce(a, b) END;
-- ISO dates (also basic YYYYMMDD and with a time after them), day.month.year with dots, and day/month/year in any order that
-- only one reading fits. 03/04/1980 is not guessed: `format:` in hub.yaml says what it is.
CREATE OR REPLACE TEMP MACRO norm_birth_date(x) AS
  CASE
    WHEN regexp_full_match(x, '\d{4}-\d{1,2}-\d{1,2}(?:[T ].*)?') THEN try_cast(regexp_extract(x, '^[^T ]+') AS DATE)
    WHEN regexp_full_match(x, '\d{4}[/.]\d{1,2}[/.]\d{1,2}') THEN try_strptime(replace(x, '.', '/'), '%Y/%m/%d')::DATE
    WHEN regexp_full_match(x, '\d{8}(?:\.0)?') THEN try_strptime("left"(x, 8), '%Y%m%d')::DATE
    WHEN regexp_full_match(x, '\d{1,2}\.\d{1,2}\.\d{4}') THEN try_strptime(x, '%d.%m.%Y')::DATE
    WHEN regexp_full_match(x, '\d{1,2}[/-]\d{1,2}[/-]\d{4}') THEN norm_unambiguous(try_strptime(replace(x, '-', '/'), '%d/%m/%Y')::DATE, try_strptime(replace(x, '-', '/'), '%m/%d/%Y')::DATE)
    WHEN regexp_matches(x, '[A-Za-z]') THEN try_strptime(replace(x, ',', ''), ['%d %b %Y', '%d %B %Y', '%b %d %Y', '%B %d %Y', '%d-%b-%Y'])::DATE
  END;
-- The first days of calendars are what systems write for "not known": of the Gregorian one, Windows, SQL Server, VMS and spreadsheets.
CREATE OR REPLACE TEMP MACRO norm_is_plausible_birth(day) AS
  day > getvariable('normalise_earliest_birth') AND day <= CAST(timezone('UTC', now()) AS DATE)
  AND day NOT IN (DATE '1582-10-15', DATE '1601-01-01', DATE '1753-01-01', DATE '1858-11-17', DATE '1899-12-30', DATE '1899-12-31',
    DATE '1900-01-01');

-- ISO times to UTC; one without a zone is local time of the source. Years such as 0001 and 9999 mean "never".
CREATE OR REPLACE TEMP MACRO norm_time(x, zone) AS
  CASE
    WHEN regexp_full_match(x, '[12]\d{3}-\d\d-\d\d[T ]\d\d:\d\d[\d:.]* ?(?:Z|UTC|[+-]\d\d(?::?\d\d)?)')
    THEN timezone('UTC', try_cast(regexp_replace(x, ' ([+-])', '\1') AS TIMESTAMPTZ))
    WHEN regexp_full_match(x, '[12]\d{3}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?')
    THEN timezone('UTC', timezone(zone, try_cast(x AS TIMESTAMP)))
  END;
