"""Staged facts and golden builds for tests: what a source said, whose it is, and what the hub makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from hub.contract.columns import TABLES as STAGING
from hub.golden import TABLES, GoldenSettings, ReportingSettings, TableDelta, build_golden
from tests.hub.parties import T0, assign, stage_parties

SOURCES = ("shop", "bill", "help", "ads")
# what a fact must have, where a test does not care
_GIVEN: dict[str, dict[str, Any]] = {
    "customer_order": {"ordered_at": T0, "currency": "GBP", "gross_amount": Decimal(10)},
    "invoice": {"issued_at": T0, "currency": "GBP", "total_amount": Decimal(10), "status": "open"},
    "payment": {"paid_at": T0, "currency": "GBP", "amount": Decimal(10), "status": "succeeded"},
    "refund": {"refunded_at": T0, "currency": "GBP", "amount": Decimal(1), "refund_type": "refund", "status": "succeeded"},
    "ticket": {"opened_at": T0, "status": "open"},
    "lead": {"submitted_at": T0, "platform": "google_ads"},
    "ad_spend_daily": {"date_day": T0.date(), "currency": "GBP", "spend": Decimal(10), "platform": "google_ads", "account_id": "a"},
    "ad_campaign": {"platform": "google_ads", "account_id": "a"},
}


def day(n: float) -> datetime:
    """So many days after the first."""
    return T0 + timedelta(days=n)


def fact(con: duckdb.DuckDBPyConnection, table: str, key: str, owner: str | None = None, **values: Any) -> None:
    """Stage a fact; its key is source:stream:id."""
    source, stream, id_ = key.split(":", 2)
    row = {
        STAGING[table].key: key,
        "party_record_key": owner,
        "source_system": source,
        "stream": stream,
        "source_record_id": id_,
        "is_test": False,
        **_GIVEN.get(table, {}),
        **values,
    }
    con.execute(f"INSERT INTO staging.{table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def order(con: duckdb.DuckDBPyConnection, id_: str | int, owner: str | None = None, **values: Any) -> None:
    """Stage an order of the shop: 10 GBP on the first day, if nothing else is said."""
    fact(con, "customer_order", f"shop:orders:{id_}", owner, **values)


def customers(con: duckdb.DuckDBPyConnection, owned: Mapping[str, Sequence[str]]) -> None:
    """Stage parties and say which of them are which customer."""
    known = {row[0] for row in con.execute("SELECT record_key FROM staging.party_record").fetchall()}
    keys = [key for members in owned.values() for key in members]
    stage_parties(con, [{"key": key, "full_name": f"Person {key}"} for key in keys if key not in known])
    assign(con, owned)


def rates(rows: Iterable[tuple[Any, ...]], columns: Sequence[str] = ("date", "from", "to", "rate")) -> pa.Table:
    """A file of rates as it is read: all text."""
    by_column = list(zip(*[[None if v is None else str(v) for v in row] for row in rows], strict=True)) or [[] for _ in columns]
    return pa.table({name: pa.array(list(values), pa.string()) for name, values in zip(columns, by_column, strict=True)})


def build(
    con: duckdb.DuckDBPyConnection,
    load: str = "L1",
    *,
    now: datetime = T0,
    live: str | None = None,
    quotes: pa.Table | None = None,
    segments: Mapping[str, str] | None = None,
    **reporting: Any,
) -> dict[str, TableDelta]:
    """Build the golden tables of a load."""
    settings = GoldenSettings(SOURCES, reporting=ReportingSettings(**reporting), segments=segments or {})
    return build_golden(con, settings, load_id=load, live=live, now=now, rates=quotes)


def as_live(con: duckdb.DuckDBPyConnection) -> str:
    """Publish what was built, as far as the next build can tell; returns the catalog it lies in."""
    if con.execute("SELECT count(*) FROM duckdb_databases() WHERE database_name = 'live'").fetchall() == [(1,)]:
        con.execute("DETACH live")
    con.execute("ATTACH ':memory:' AS live")
    con.execute("CREATE SCHEMA live.golden")
    for table in TABLES:
        con.execute(f"CREATE TABLE live.golden.{table} AS FROM golden.{table}")
    return "live"


def ask(con: duckdb.DuckDBPyConnection, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows a query gives."""
    return con.execute(query, list(parameters)).fetchall()


def one(con: duckdb.DuckDBPyConnection, query: str, *parameters: Any) -> Any:
    """The only value of the only row a query gives."""
    ((value,),) = ask(con, query, *parameters)
    return value


def snapshot(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """All golden tables but the history, which tells of loads, row by row and without their IDs."""
    tables = [table for table in TABLES if table != "customer_history"]
    return {table: ask(con, f"SELECT * EXCLUDE (load_id) FROM golden.{table} ORDER BY ALL") for table in tables}
