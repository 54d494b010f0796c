"""Builds the golden tables of a load from staging and the crosswalk, and says which rows changed since the load before.

Everything is computed from scratch; a row equal to the published one keeps that row's load_id, so that load_id names the load that
last changed it and an unchanged day changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from hub.golden.history import HISTORY, HISTORY_KEY, add_history
from hub.golden.rates import convert_days, load_rates
from hub.golden.segments import carry_segments
from hub.golden.settings import GoldenSettings
from hub.golden.survivorship import rank_attributes
from hub.golden.text import sql as sql
from hub.identity import link_accounts

if TYPE_CHECKING:
    import pyarrow as pa

# table -> its key columns
TABLES: dict[str, tuple[str, ...]] = {
    "customer": ("customer_id",),
    "customer_identifier": ("customer_id", "id_type", "id_value"),
    "customer_attribute": ("customer_id", "attribute", "record_key"),
    "attribute_override": ("override_id",),
    "customer_order": ("order_key",),
    "order_line": ("order_line_key",),
    "invoice": ("invoice_key",),
    "payment": ("payment_key",),
    "refund": ("refund_key",),
    "ticket": ("ticket_key",),
    "lead": ("lead_key",),
    "ad_campaign": ("campaign_key",),
    "ad_group": ("ad_group_key",),
    "ad": ("ad_key",),
    "ad_spend_daily": ("spend_key",),
    "touchpoint": ("touchpoint_key",),
    "acquisition_cost": ("date_month", "platform", "campaign_key", "model"),
    "customer_metrics": ("customer_id",),
    "segment_member": ("segment_key", "customer_id", "entered_at"),
    "reporting": ("as_of_date",),
    HISTORY: HISTORY_KEY,
}
VIEWS: tuple[str, ...] = (
    "attribution",
    "interaction",
    "customer_360",
    "stale_contact",
    "completeness_report",
    "unconverted",
    "conflicting_attribute",
)


@dataclass(frozen=True)
class TableDelta:
    """Rows of a golden table in this load, and how many of them are new, changed or gone since the published one."""

    rows: int
    inserted: int
    changed: int
    removed: int


def build_golden(
    con: duckdb.DuckDBPyConnection,
    settings: GoldenSettings,
    *,
    load_id: str,
    live: str | None,
    now: datetime,
    rates: pa.Table | None = None,
) -> dict[str, TableDelta]:
    """Build schema golden for the load `load_id`.

    Args:
        rates: the file of exchange rates, as it is; see `hub.golden.rates`.
        now: when the load began, UTC without zone; nothing else here looks at a clock.
        live: catalog of the attached published load, None before the first.

    Returns:
        Per table, its delta to the published load.

    Raises:
        ConfigError: the rates cannot be read.
    """
    con.execute("CREATE SCHEMA IF NOT EXISTS golden")
    con.execute(sql("owner"))
    _keep_owners(con, live)
    load_rates(con, rates)
    named = settings.reporting.invoice_sales
    con.execute(sql("invoice_seller"), {"named": None if named is None else list(named), "sources": list(settings.sources)})
    _note_reporting(con, settings, now)
    con.execute(sql("facts"))
    con.execute(sql("touchpoint"))
    con.execute(sql("attribution"))
    rank_attributes(con, settings, now)
    link_accounts(con, "owner_current", "identity.blocked_value")
    con.execute(sql("customer"))
    con.execute(sql("customer_value"))
    con.execute(sql("acquisition_cost"))
    con.execute(sql("customer_metrics"))
    con.execute(sql("customer_360"))
    carry_segments(con, settings.segments, live=live if _known(con, live, "segment_member") else None, now=now)
    for table, keys in TABLES.items():
        if table != HISTORY:
            _stamp(con, table, keys, load_id, live)
    add_history(con, load_id=load_id, live=live, now=now)
    for view in VIEWS:
        con.execute(sql(view))
    return table_deltas(con, load_id=load_id, live=live)


def table_deltas(con: duckdb.DuckDBPyConnection, *, load_id: str, live: str | None) -> dict[str, TableDelta]:
    """Per golden table, how the load being built differs from the published one."""
    return {table: _delta(con, table, keys, load_id, live) for table, keys in TABLES.items()}


def _stamp(con: duckdb.DuckDBPyConnection, table: str, keys: tuple[str, ...], load_id: str, live: str | None) -> None:
    columns = [row[0] for row in con.execute(f"DESCRIBE golden.{table}").fetchall()]
    if live is None or _columns_of(con, live, table) != [*columns, "load_id"]:
        con.execute(f"CREATE OR REPLACE TABLE golden.{table} AS SELECT *, ? AS load_id FROM golden.{table}", [load_id])
    else:
        on = " AND ".join(f"n.{key} = l.{key}" for key in keys)
        same = " AND ".join(f"n.{column} IS NOT DISTINCT FROM l.{column}" for column in columns if column not in keys) or "true"
        con.execute(
            f"CREATE OR REPLACE TABLE golden.{table} AS SELECT n.*, coalesce(l.load_id, ?) AS load_id"
            f" FROM golden.{table} n LEFT JOIN {live}.golden.{table} l ON {on} AND {same}",
            [load_id],
        )


def _known(con: duckdb.DuckDBPyConnection, live: str | None, table: str) -> bool:
    return live is not None and bool(_columns_of(con, live, table))


def _keep_owners(con: duckdb.DuckDBPyConnection, live: str | None) -> None:
    con.execute("CREATE OR REPLACE TEMP TABLE kept (fact_key VARCHAR, party_record_key VARCHAR)")
    if live is not None and all(_known(con, live, table) for table in ("customer_order", "invoice", "payment", "ticket")):
        con.execute(sql("kept").format(live=live))


def _note_reporting(con: duckdb.DuckDBPyConnection, settings: GoldenSettings, now: datetime) -> None:
    """Make the one row that says of which day the load is, and in which currency it adds up; rates are at hand afterwards."""
    base = convert_days(con, settings.reporting)
    con.execute(
        "CREATE OR REPLACE TABLE golden.reporting AS SELECT $day::DATE AS as_of_date, $base::VARCHAR AS base_currency,"
        " (SELECT min(quoted_on) FROM fx_quote) AS rates_from, (SELECT max(quoted_on) FROM fx_quote) AS rates_until,"
        " $age::INTEGER AS max_rate_age_days, $stale::INTEGER AS stale_after_days,"
        " (SELECT coalesce(list(source_system ORDER BY source_system), []) FROM invoice_seller) AS invoice_sales",
        {
            "day": now.date(),
            "base": base,
            "age": settings.reporting.max_age_days,
            "stale": settings.reporting.stale_after_days,
        },
    )


def _columns_of(con: duckdb.DuckDBPyConnection, live: str, table: str) -> list[str]:
    return [
        row[0]
        for row in con.execute(
            "SELECT column_name FROM duckdb_columns() WHERE database_name = ? AND schema_name = 'golden' AND table_name = ?"
            " ORDER BY column_index",
            [live, table],
        ).fetchall()
    ]


def _delta(con: duckdb.DuckDBPyConnection, table: str, keys: tuple[str, ...], load_id: str, live: str | None) -> TableDelta:
    rows, fresh = con.execute(f"SELECT count(*), count(*) FILTER (load_id = ?) FROM golden.{table}", [load_id]).fetchall()[0]
    if live is None or not _columns_of(con, live, table):
        return TableDelta(rows, fresh, 0, 0)
    using = ", ".join(keys)
    known = con.execute(
        f"SELECT count(*) FROM golden.{table} n SEMI JOIN {live}.golden.{table} l USING ({using}) WHERE n.load_id = ?", [load_id]
    ).fetchall()[0][0]
    removed = con.execute(f"SELECT count(*) FROM {live}.golden.{table} ANTI JOIN golden.{table} USING ({using})").fetchall()[0][0]
    return TableDelta(rows, fresh - known, known, removed)
