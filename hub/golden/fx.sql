-- A rate to the base currency for each currency and day: the quote of that day or the nearest before it, no older than fx_max_age.

-- what one unit of `one` is worth in `other`: as quoted, else the other way round
CREATE OR REPLACE TEMP TABLE fx_leg AS
SELECT quoted_on, one, other, rate FROM (
  SELECT quoted_on, from_currency AS one, to_currency AS other, rate, false AS is_turned FROM fx_quote
  UNION ALL
  SELECT quoted_on, to_currency, from_currency, 1 / rate, true FROM fx_quote
)
QUALIFY row_number() OVER (PARTITION BY quoted_on, one, other ORDER BY is_turned) = 1;

CREATE OR REPLACE TEMP TABLE fx AS
WITH wanted AS (
  SELECT currency, day, getvariable('fx_base') AS base FROM fact_currency CROSS JOIN fact_day
  WHERE getvariable('fx_base') IS NOT NULL
), near AS (
  SELECT w.currency, w.day, w.base, w.via, l.rate, l.quoted_on
  FROM (
    SELECT w.currency, w.day, w.base, p.other AS via
    FROM wanted w JOIN (SELECT DISTINCT one, other FROM fx_leg) p ON p.one = w.currency WHERE w.currency <> w.base
  ) w
  ASOF JOIN fx_leg l ON l.one = w.currency AND l.other = w.via AND w.day >= l.quoted_on
  WHERE w.day - l.quoted_on <= getvariable('fx_max_age')
), far AS (
  SELECT n.currency, n.day, n.via, l.rate, l.quoted_on
  FROM (FROM near WHERE via <> base) n
  ASOF JOIN fx_leg l ON l.one = n.via AND l.other = n.base AND n.day >= l.quoted_on
  WHERE n.day - l.quoted_on <= getvariable('fx_max_age')
), found AS (
  SELECT currency, day, rate, quoted_on, 0 AS crossings, '' AS via FROM near WHERE via = base
  UNION ALL
  SELECT n.currency, n.day, n.rate * f.rate, least(n.quoted_on, f.quoted_on), 1, n.via
  FROM near n JOIN far f ON f.currency = n.currency AND f.day = n.day AND f.via = n.via
)
SELECT currency, day, 1::DECIMAL(20,12) AS rate FROM wanted WHERE currency = base
UNION ALL
-- a quote of the pair itself beats a crossing, a crossing of newer quotes one of older ones
SELECT currency, day, TRY_CAST(round(rate, 12) AS DECIMAL(20,12)) FROM (
  FROM found QUALIFY row_number() OVER (PARTITION BY currency, day ORDER BY crossings, quoted_on DESC, via) = 1
);

-- half of the last digit is rounded away from zero; what is too large for its column stays unconverted
CREATE OR REPLACE TEMP MACRO to_base(amount, rate) AS TRY_CAST(amount * rate AS DECIMAL(18,4));
