"""Builds the golden tables of a load from staging and the crosswalk, and says which rows changed since the load before.

Everything is computed from scratch; a row equal to the published one keeps that row's load_id, so that load_id names the load that
last changed it and an unchanged day changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from hub.golden.basis import HowBuilt, compare, note, restore, rules_digest, settle
from hub.golden.deltas import TableDelta, count_deltas
from hub.golden.history import add_history
from hub.golden.maker import Maker, columns_of
from hub.golden.rates import convert_days, load_rates
from hub.golden.segments import carry_segments
from hub.golden.settings import GoldenSettings
from hub.golden.suppression import put_suppressed
from hub.golden.survivorship import put_in_force, rank_attributes
from hub.golden.tables import TABLES, VIEWS
from hub.golden.text import sql as sql
from hub.golden.touched import TOUCHED_FACTS, make_touched
from hub.identity import link_accounts

if TYPE_CHECKING:
    import pyarrow as pa

# of a hub with fewer input rows everything is made from scratch as quickly, as it is where a larger share of them changed
FEWEST_INPUTS = 20_000
MOST_TOUCHED = 0.25


def build_golden(
    con: duckdb.DuckDBPyConnection,
    settings: GoldenSettings,
    *,
    load_id: str,
    live: str | None,
    now: datetime,
    rates: pa.Table | None = None,
    follows: str | None = None,
    full: bool = False,
) -> dict[str, TableDelta]:
    """Build schema golden for the load `load_id`.

    Only what differs from the published load is made anew, where that load's inputs are known and most are as they were; the rows
    are the same as if all had been made from scratch. `how_built` tells which it was.

    Args:
        rates: the file of exchange rates, as it is; see `hub.golden.rates`.
        now: when the load began, UTC without zone; nothing else here looks at a clock.
        live: catalog of the attached published load, None before the first.
        follows: ID of that load; None where it is not known, which has everything made from scratch.
        full: make everything from scratch in any case.

    Returns:
        Per table, its delta to the published load.

    Raises:
        ConfigError: the rates cannot be read.
    """
    con.execute("CREATE SCHEMA IF NOT EXISTS golden")
    rules = rules_digest(settings)
    whole = settle(con, live=live, follows=follows, rules=rules)
    if full:
        whole = "it was asked for"
    base = _prepare(con, settings, live=live, rates=rates, now=now)
    built = HowBuilt(whole, 0, 0, 0)
    if whole is None and live is not None and follows is not None:
        built = _weighed(con, live, base)
    maker = Maker(con, TABLES, load_id, live, partly=built.whole is None)
    if live is not None and follows is not None and maker.partly:
        restore(con, list(TABLES), live=live, follows=follows)
        before = con.execute("SELECT as_of_date FROM golden.reporting").fetchall()[0][0]
        _note_reporting(maker, settings, base, now)
        with _written_once(con):
            make_touched(maker, settings, now=now, before=before)
        built = _counted(con, built)
    else:
        con.execute("DELETE FROM basis.holds")
        _note_reporting(maker, settings, base, now)
        _make_whole(maker, settings, now)
    con.execute(sql("customer_360"))
    carry_segments(maker, settings.segments, live=live if _known(con, live, "segment_member") else None, now=now)
    for view in VIEWS:
        con.execute(sql(view))
    deltas = count_deltas(maker)
    note(con, load_id, follows=follows if maker.partly else None, rules=rules, built=built)
    return deltas


def _prepare(
    con: duckdb.DuckDBPyConnection, settings: GoldenSettings, *, live: str | None, rates: pa.Table | None, now: datetime
) -> str | None:
    """Make the temporary tables that hold for all: owners, what stewards say, rates. Returns the base currency."""
    con.execute(sql("owner"))
    _keep_owners(con, live)
    put_in_force(con, settings, now)
    put_suppressed(con, settings.suppressions)
    load_rates(con, rates)
    named = settings.reporting.invoice_sales
    con.execute(sql("invoice_seller"), {"named": None if named is None else list(named), "sources": list(settings.sources)})
    con.execute(sql("readings"))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE contact_purpose AS SELECT unnest($purposes::VARCHAR[]) AS purpose",
        {"purposes": list(settings.consent.purposes)},
    )
    return convert_days(con, settings.reporting)


def _weighed(con: duckdb.DuckDBPyConnection, live: str, base: str | None) -> HowBuilt:
    """Compare the inputs with those of the published load, and say whether to make only what they touch."""
    if con.execute(f"SELECT base_currency FROM {live}.golden.reporting").fetchall() != [(base,)]:
        return HowBuilt("the base currency changed", 0, 0, 0)
    sellers = con.execute("SELECT coalesce(list(source_system ORDER BY source_system), []) FROM invoice_seller").fetchall()
    if con.execute(f"SELECT invoice_sales FROM {live}.golden.reporting").fetchall() != sellers:
        return HowBuilt("the sources that sell by invoice changed", 0, 0, 0)
    differ, known = compare(con)
    if known < FEWEST_INPUTS:
        return HowBuilt(f"{known} inputs are as quickly made whole", differ, 0, 0)
    if differ > MOST_TOUCHED * known:
        return HowBuilt(f"{differ} of {known} inputs changed", differ, 0, 0)
    return HowBuilt(None, differ, 0, 0)


@contextmanager
def _written_once(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Have DuckDB write the tables that change once, when the file is closed, rather than each time that 16 MB have come together:
    of many steps that change few rows each, most of the tables' parts would be written over and over."""
    con.execute("SET checkpoint_threshold = '2GB'")
    try:
        yield
    finally:
        con.execute("RESET checkpoint_threshold")


def _counted(con: duckdb.DuckDBPyConnection, built: HowBuilt) -> HowBuilt:
    facts = " + ".join(f"(SELECT count(*) FROM touched_{table})" for table in TOUCHED_FACTS)
    customers, found = con.execute(f"SELECT (SELECT count(*) FROM touched_customer), {facts}").fetchall()[0]
    return replace(built, customers=customers, facts=found)


def _make_whole(maker: Maker, settings: GoldenSettings, now: datetime) -> None:
    """Make all golden tables from scratch, but for segments."""
    for name in (
        *("naming", "named", "facts", "consent_told", "consent", "ads", "ad_facts", "campaign_named", "touchpoint", "attribution"),
    ):
        maker.run(sql(name))
    rank_attributes(maker, settings, now)
    link_accounts(maker.con, "owner_current", "identity.blocked_value")
    for name in (
        *(
            "customer",
            "customer_identifier",
            "silent_source",
            "customer_value",
            "figure",
            "acquired",
            "acquisition_cost",
            "standing",
        ),
        "customer_metrics",
    ):
        maker.run(sql(name))
    add_history(maker, now=now)


def _known(con: duckdb.DuckDBPyConnection, live: str | None, table: str) -> bool:
    return live is not None and bool(columns_of(con, live, table))


def _keep_owners(con: duckdb.DuckDBPyConnection, live: str | None) -> None:
    con.execute("CREATE OR REPLACE TEMP TABLE kept (fact_key VARCHAR, party_record_key VARCHAR)")
    if live is not None and all(_known(con, live, table) for table in ("customer_order", "invoice", "payment", "ticket")):
        con.execute(sql("kept").format(live=live))


def _note_reporting(maker: Maker, settings: GoldenSettings, base: str | None, now: datetime) -> None:
    """Make the one row that says of which day the load is, and in which currency it adds up."""
    maker.make(
        "reporting",
        "SELECT $day::DATE AS as_of_date, $base::VARCHAR AS base_currency,"
        " (SELECT min(quoted_on) FROM fx_quote) AS rates_from, (SELECT max(quoted_on) FROM fx_quote) AS rates_until,"
        " $age::INTEGER AS max_rate_age_days, $stale::INTEGER AS stale_after_days,"
        " (SELECT coalesce(list(source_system ORDER BY source_system), []) FROM invoice_seller) AS invoice_sales",
        values={
            "day": now.date(),
            "base": base,
            "age": settings.reporting.max_age_days,
            "stale": settings.reporting.stale_after_days,
        },
    )
