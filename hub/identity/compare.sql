-- Compare: every candidate pair becomes one number, the packed levels of its comparisons (comparisons.py names them all).
-- Level 0 says that one side has no value: neutral in scoring.

-- One slip of the keyboard: a character lost, added, replaced, or two swapped. The conditions before the distance hold for every such
-- pair and cost a tenth of it; they are nested because AND computes both of its sides.
CREATE OR REPLACE TEMP MACRO id_slip(a, b) AS
CASE
  WHEN strlen(a) = strlen(b) THEN CASE WHEN hamming(a, b) <= 2 THEN damerau_levenshtein(a, b) = 1 ELSE false END
  WHEN abs(strlen(a) - strlen(b)) = 1 THEN
    CASE
      WHEN left(a, length(a) // 2) = left(b, length(a) // 2) OR right(a, (length(a) - 1) // 2) = right(b, (length(a) - 1) // 2)
      THEN damerau_levenshtein(a, b) = 1
      ELSE false END
  ELSE false END;

CREATE OR REPLACE TEMP TABLE {compared} AS
WITH parts AS (
  SELECT
    p.l, p.r,
    -- given name: 0 missing, 1 same, 2 initial, 3 nickname, longer form or the other's middle name, 4 one slip, 5 similar,
    -- 6 not quite unlike (Ava and Ada), 7 different
    CASE
      WHEN l.given IS NULL OR r.given IS NULL THEN 0
      WHEN l.given = r.given THEN 1
      WHEN length(l.given) = 1 OR length(r.given) = 1 THEN CASE WHEN l.given[1] = r.given[1] THEN 2 ELSE 7 END
      WHEN CASE WHEN l.forms_bits & r.forms_bits <> 0 THEN list_has_any(l.given_forms, r.given_forms) END THEN 3
      WHEN least(length(l.given), length(r.given)) >= 3 AND (starts_with(l.given, r.given) OR starts_with(r.given, l.given)) THEN 3
      WHEN id_slip(l.given, r.given) AND greatest(length(l.given), length(r.given)) >= 4 THEN 4
      WHEN jaro_winkler_similarity(l.given, r.given, 0.88) >= 0.88 THEN 5
      WHEN l.given = r.middle OR l.middle = r.given THEN 3
      WHEN l.given[1] = r.given[1] THEN CASE WHEN jaro_winkler_similarity(l.given, r.given, 0.6) >= 0.6 THEN 6 ELSE 7 END
      WHEN CASE WHEN abs(length(l.given) - length(r.given)) <= 2 AND least(length(l.given), length(r.given)) >= 6
        THEN damerau_levenshtein(l.given, r.given) <= 2 END THEN 6
      ELSE 7 END AS given,
    -- family name: 0 missing, 1 same, 2 one slip, 3 similar or part of the other, 4 different
    CASE
      WHEN l.family IS NULL OR r.family IS NULL THEN 0
      WHEN l.family = r.family THEN 1
      WHEN id_slip(l.family, r.family) AND greatest(length(l.family), length(r.family)) >= 4 THEN 2
      WHEN jaro_winkler_similarity(l.family, r.family, 0.9) >= 0.9 THEN 3
      WHEN least(length(l.family), length(r.family)) >= 4 AND (starts_with(l.family, r.family) OR starts_with(r.family, l.family)
        OR ends_with(l.family, r.family) OR ends_with(r.family, l.family)) THEN 3
      ELSE 4 END AS family,
    coalesce(l.given = r.family AND coalesce(l.family = r.given, true), false)
      OR coalesce(l.family = r.given AND coalesce(l.given = r.family, true), false) AS swapped,
    coalesce(l.given, l.family) IS NULL AS unnamed_l, coalesce(r.given, r.family) IS NULL AS unnamed_r,
    l.kind = 2 AND r.kind = 2 AS firms,
    greatest(l.name_band, r.name_band) AS name_band, greatest(l.like_band, r.like_band) AS like_band,
    greatest(l.family_band, r.family_band) AS family_band, greatest(l.given_band, r.given_band) AS given_band,
    greatest(l.company_band, r.company_band) AS company_band, l.user_band, l.postal_band, l.city_band,
    -- company: 0 missing, 1 same, 2 one slip, 3 one name within the other, 4 alike (the subsidiaries of a group are), 5 different
    CASE
      WHEN l.company IS NULL OR r.company IS NULL THEN 0
      WHEN l.company = r.company THEN 1
      WHEN least(length(l.company), length(r.company)) >= 4 AND (starts_with(l.company, r.company) OR starts_with(r.company, l.company))
        THEN 3
      WHEN id_slip(l.company, r.company) THEN 2
      WHEN jaro_winkler_similarity(l.company, r.company, 0.92) >= 0.92 THEN 4
      ELSE 5 END AS company,
    l.country <> r.country AS abroad,
    -- street: 0 missing, 1 same, 2 similar, 3 other number in the same road, 4 different
    CASE
      WHEN l.street IS NULL OR r.street IS NULL THEN 0
      WHEN l.street = r.street THEN 1
      WHEN CASE WHEN coalesce(l.house = r.house, true) THEN jaro_winkler_similarity(l.road, r.road, 0.88) >= 0.88 END THEN 2
      WHEN l.road = r.road THEN 3
      ELSE 4 END AS street,
    -- postal code: 0 missing, 1 same, 2 one slip, 3 different
    CASE
      WHEN l.postal IS NULL OR r.postal IS NULL THEN 0
      WHEN l.postal = r.postal THEN 1
      WHEN id_slip(l.postal, r.postal) THEN 2
      ELSE 3 END AS postal,
    -- city: 0 missing, 1 same or nearly so, 2 different
    CASE
      WHEN l.city IS NULL OR r.city IS NULL THEN 0
      WHEN l.city = r.city OR jaro_winkler_similarity(l.city, r.city, 0.9) >= 0.9 THEN 1
      ELSE 2 END AS city,
    -- e-mail: 0 missing, 1 same, 2 same role mailbox, 3 same user at another domain, 4 one slip, 5 different,
    -- 6 same mailbox of a chain
    CASE
      WHEN l.email IS NULL OR r.email IS NULL THEN 0
      WHEN l.email = r.email THEN CASE WHEN l.is_group AND r.is_group THEN 6 WHEN l.is_role THEN 2 ELSE 1 END
      WHEN l.email_local = r.email_local THEN 3
      WHEN CASE WHEN l.email_domain = r.email_domain THEN id_slip(l.email_local, r.email_local) AND l.email_digits = r.email_digits END
        THEN 4
      ELSE 5 END AS email,
    l.email_own AND r.email_own AS email_own, l.email_given AND r.email_given AS email_given,
    l.email_family AND r.email_family AS email_family,
    CASE
      WHEN l.phone IS NULL OR r.phone IS NULL THEN 0
      WHEN l.phone = r.phone THEN CASE WHEN l.is_switchboard AND r.is_switchboard THEN 4 ELSE 1 END
      WHEN right(l.phone, 8) = right(r.phone, 8) AND length(l.phone) <> length(r.phone) THEN 2
      WHEN id_slip(l.phone, r.phone) THEN 2
      ELSE 3 END AS phone,
    -- birth date; 1 January is what systems write where only the year is known
    CASE
      WHEN l.birth IS NULL OR r.birth IS NULL THEN 0
      WHEN l.birth = r.birth THEN CASE WHEN l.is_new_year THEN 2 ELSE 1 END
      WHEN l.birth_year = r.birth_year AND l.birth_month = r.birth_day AND l.birth_day = r.birth_month THEN 3
      WHEN (l.birth_year = r.birth_year)::INT + (l.birth_month = r.birth_month)::INT + (l.birth_day = r.birth_day)::INT = 2
        THEN CASE WHEN NOT id_slip(l.birth_text, r.birth_text) THEN 5 WHEN l.is_new_year AND r.is_new_year THEN 4 ELSE 3 END
      WHEN l.birth_year = r.birth_year THEN 6
      ELSE 7 END AS birth,
    CASE
      WHEN l.tax IS NULL OR r.tax IS NULL THEN 0
      WHEN l.tax = r.tax THEN CASE WHEN l.tax_is_own AND r.tax_is_own THEN 2 ELSE 1 END
      WHEN id_slip(l.tax, r.tax) THEN 3
      ELSE 4 END AS tax,
    CASE
      WHEN l.middle IS NULL OR r.middle IS NULL THEN 0
      WHEN l.middle = r.middle THEN 1
      WHEN least(length(l.middle), length(r.middle)) = 1 AND l.middle[1] = r.middle[1] THEN 2
      ELSE 3 END AS middle,
    CASE WHEN l.suffix IS NULL OR r.suffix IS NULL THEN 0 WHEN l.suffix = r.suffix THEN 1 ELSE 2 END AS suffix,
    CASE WHEN l.streams & r.streams <> 0 THEN 2 ELSE 1 END AS source
  FROM {pairs} AS p JOIN id_node AS l ON l.node_id = p.l JOIN id_node AS r ON r.node_id = p.r
), levels AS (
  SELECT l, r,
    CASE
      WHEN firms THEN
        CASE
          WHEN company = 0 THEN 0
          WHEN company <= 3 AND abroad THEN 66
          WHEN company = 1 THEN 60 + company_band
          WHEN company <= 3 THEN 60 + company
          WHEN company = 4 THEN 65
          ELSE 64 END
      WHEN unnamed_l OR unnamed_r THEN 0
      WHEN given = 1 AND family = 1 THEN 1 + name_band
      WHEN swapped THEN 13 + like_band
      WHEN family = 1 AND given = 3 THEN 17 + like_band
      WHEN family = 1 AND given = 2 THEN 21 + family_band
      WHEN family = 1 AND given = 4 THEN 25 + like_band
      WHEN family = 1 AND given = 5 THEN 29 + like_band
      WHEN family = 2 AND given IN (1, 2, 3) THEN 33 + like_band
      WHEN family = 3 AND given IN (1, 2, 3) THEN 37 + like_band
      WHEN family IN (2, 3) AND given IN (4, 5) THEN 41 + (like_band > 1)::INT
      WHEN family = 1 AND given = 0 THEN 43 + family_band
      WHEN family = 0 AND given = 1 THEN 47 + given_band
      WHEN family = 4 AND given = 1 THEN 49 + given_band
      WHEN family = 4 AND given IN (2, 3, 4, 5) THEN 51
      WHEN family = 1 AND given = 7 THEN 52 + family_band
      WHEN family = 1 AND given = 6 THEN 67
      WHEN family IN (2, 3) AND given IN (6, 7) THEN 56
      WHEN (given = 0 AND family IN (2, 3)) OR (family = 0 AND given IN (2, 3, 4, 5)) THEN 57
      WHEN given = 0 OR family = 0 THEN 58
      ELSE 59 END AS name,
    CASE
      WHEN street = 0 AND postal = 0 AND city = 0 THEN 0
      WHEN street = 1 AND (postal IN (0, 1) OR city = 1) THEN 1
      WHEN street IN (1, 2) AND (postal = 1 OR city = 1 OR (postal = 0 AND city = 0)) THEN 2
      WHEN street IN (1, 2) AND postal = 2 THEN 3
      WHEN street = 1 THEN 4
      WHEN street = 3 AND (postal = 1 OR city = 1) THEN 5
      WHEN street = 0 AND postal = 1 THEN 6 + postal_band
      WHEN street = 0 AND postal IN (0, 2) AND city = 1 THEN 8 + city_band
      WHEN postal = 1 THEN 10
      WHEN city = 1 THEN 11 + city_band
      ELSE 13 END AS address,
    -- A role mailbox is evidence between records without a person's name only. An e-mail user made of the person's own names says no
    -- more than the names do: neutral where they agree, even with digits behind it where only that name agrees and the other does not;
    -- and where the names differ, so do mailboxes made of them by one slip.
    CASE
      WHEN email = 2 AND NOT (unnamed_l AND unnamed_r) THEN 0
      WHEN email = 3 AND ((family = 4 AND given BETWEEN 1 AND 5 AND email_given) OR (given IN (6, 7) AND family BETWEEN 1 AND 3 AND email_family))
        THEN 0
      WHEN email = 3 AND email_own THEN 3 + user_band
      WHEN email = 3 AND NOT (unnamed_l OR unnamed_r) AND (given BETWEEN 1 AND 5 OR family BETWEEN 1 AND 3) THEN 0
      WHEN email = 3 THEN 6
      WHEN email = 4 AND (email_own OR unnamed_l OR unnamed_r OR (given IN (0, 1) AND family IN (0, 1))) THEN 7
      WHEN email IN (4, 5) THEN 8
      WHEN email = 6 THEN 9
      ELSE email END AS email,
    phone, birth, CASE WHEN firms THEN 0 WHEN company = 5 THEN 3 ELSE least(company, 2) END AS company,
    tax, middle, suffix, source
  FROM parts
)
SELECT l, r,
  name::BIGINT | (address::BIGINT << 7) | (email::BIGINT << 11) | (phone::BIGINT << 15) | (birth::BIGINT << 18) | (company::BIGINT << 21)
  | (tax::BIGINT << 23) | (middle::BIGINT << 26) | (suffix::BIGINT << 28) | (source::BIGINT << 30) AS vector
FROM levels;
