"""Exchange rates: what a file of rates says, read in whichever way of quoting it uses, and the rate of each currency on each day.

A rate is looked for on the fact's UTC day or the nearest day before it, at most so many days back. A pair that is not quoted is
crossed through a currency that is quoted against both. Without a rate an amount stays unconverted; nothing is ever taken as 1:1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from hub.contract.errors import ConfigError
from hub.golden.settings import ReportingSettings
from hub.golden.text import sql

if TYPE_CHECKING:
    import pyarrow as pa

_FIELD = "reporting.rates"
_CODE = re.compile(r"[A-Z]{3}")
# header -> (one unit of this currency, is worth that much of this currency, the rate)
_LAYOUTS: dict[tuple[str, ...], tuple[str, str, str]] = {
    ("date", "from", "to", "rate"): ("from", "to", "rate"),
    ("date", "currency", "base", "rate"): ("base", "currency", "rate"),
    # the European Central Bank's data portal
    ("time_period", "currency", "currency_denom", "obs_value"): ("currency_denom", "currency", "obs_value"),
}
_REMEDY = (
    "give it the columns date, from, to, rate (1 from = rate to), or date, currency, base, rate (1 base = rate currency),"
    " or take the ECB's own file"
)


def load_rates(con: duckdb.DuckDBPyConnection, rates: pa.Table | None) -> None:
    """Read quoted rates into the temporary table ``fx_quote``: on a day, one unit of a currency is worth so much of another.

    Args:
        rates: the file as it is, any types; None where the hub has no rates.

    Raises:
        ConfigError: the columns are of no known layout, a date, currency or rate cannot be read, or a pair has two rates on a day.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE fx_quote"
        " (quoted_on DATE NOT NULL, from_currency VARCHAR NOT NULL, to_currency VARCHAR NOT NULL, rate DOUBLE NOT NULL)"
    )
    if rates is None:
        return
    con.register("rates_given", rates)
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE fx_read AS {_reading(rates.column_names)}")
    finally:
        con.unregister("rates_given")
    _demand_readable(con)
    con.execute(
        "INSERT INTO fx_quote SELECT DISTINCT quoted_on, from_currency, to_currency, rate FROM fx_read"
        " WHERE from_currency <> to_currency"
    )
    twice = con.execute(
        "SELECT quoted_on, from_currency, to_currency FROM fx_quote GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
    ).fetchall()
    if twice:
        day, one, other = twice[0]
        raise ConfigError(f"two rates from {one} to {other} on {day}", field=_FIELD, remedy="keep one of them")


def check_rates(rates: pa.Table) -> None:
    """Make sure that a file of rates can be read. Raises `ConfigError` as `load_rates` does."""
    with duckdb.connect() as con:
        load_rates(con, rates)


def convert_days(con: duckdb.DuckDBPyConnection, settings: ReportingSettings) -> str | None:
    """Fill the temporary table ``fx`` with a rate to the base currency per currency and day of the staged facts.

    Returns:
        The base currency: the one that is set, else the only one that the facts are in, else None.
    """
    con.execute(sql("fact_days"))
    base = settings.base_currency
    if base is None:
        found = con.execute("SELECT DISTINCT currency FROM fact_currency ORDER BY 1 LIMIT 2").fetchall()
        base = found[0][0] if len(found) == 1 else None
    con.execute("SET VARIABLE fx_base = ?", [base])
    con.execute("SET VARIABLE fx_max_age = ?", [settings.max_age_days])
    con.execute(sql("fx"))
    return base


def _reading(columns: list[str]) -> str:
    """SELECT of quoted_on, from_currency, to_currency, rate and their texts, by the layout that the columns are of."""
    named = {name.strip().lower(): name for name in columns}
    for layout, (one, other, rate) in _LAYOUTS.items():
        if set(layout) <= set(named):
            return _typed("rates_given", *(f'"{named[name]}"' for name in (layout[0], one, other, rate)))
    currencies = [name for name in columns if _CODE.fullmatch(name.strip())]
    if columns and columns[0].strip().lower() == "date" and currencies:
        # eurofxref-hist.csv: a line per day, a column per currency, each what one euro is worth; N/A where there is no rate
        wide = ", ".join(f'trim("{name}"::VARCHAR) AS "{name}"' for name in currencies)
        long = (
            f'(UNPIVOT (SELECT "{columns[0]}" AS quoted, {wide} FROM rates_given) ON COLUMNS(* EXCLUDE quoted)'
            " INTO NAME currency VALUE rate)"
        )
        return _typed(f"(FROM {long} WHERE rate NOT IN ('', 'N/A'))", "quoted", "'EUR'", "currency", "rate")
    raise ConfigError(f"cannot tell rates from the columns {', '.join(columns) or '(none)'}", field=_FIELD, remedy=_REMEDY)


def _typed(relation: str, day: str, one: str, other: str, rate: str) -> str:
    return (
        f"SELECT {day}::VARCHAR AS day_given, {one}::VARCHAR AS from_given,"
        f" {other}::VARCHAR AS to_given, {rate}::VARCHAR AS rate_given,"
        " TRY_CAST(day_given AS DATE) AS quoted_on, upper(trim(from_given)) AS from_currency, upper(trim(to_given)) AS to_currency,"
        f" TRY_CAST(rate_given AS DOUBLE) AS rate FROM {relation}"
    )


def _demand_readable(con: duckdb.DuckDBPyConnection) -> None:
    code = "regexp_full_match({}, '[A-Z]{{3}}') IS NOT TRUE"
    for column, wrong in (
        ("day", "quoted_on IS NULL"),
        ("from", code.format("from_currency")),
        ("to", code.format("to_currency")),
        ("rate", "(rate > 0 AND isfinite(rate)) IS NOT TRUE"),
    ):
        bad = con.execute(
            f"SELECT count(*), min(coalesce({column}_given, '(empty)')) FROM fx_read WHERE {wrong} HAVING count(*) > 0"
        ).fetchall()
        if bad:
            rows, example = bad[0]
            what = {"day": "date", "rate": "rate"}.get(column, "currency")
            raise ConfigError(f"{rows} rows have no readable {what}, such as {example!r}", field=_FIELD, remedy="mend the file")
