"""What is past its cut-off: which facts and which customers, counted by table and gathered as what is to be taken out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from hub.contract.columns import TABLES
from hub.identity.erased import Entry, prepare
from pipelines.privacy.people import People, gathered
from pipelines.retention_settings import CUSTOMER, QUARANTINE, RAW_HISTORY
from warehouse.erasing import superseded
from warehouse.past import WHOLE, aged_facts_sql
from warehouse.raw import table_name
from warehouse.reduced import IS_REDUCED

if TYPE_CHECKING:
    import duckdb

_PLACE = "source_system, stream, source_record_id"


@dataclass(frozen=True)
class Cut:
    """What a cut-off comes to, of one table.

    Attributes:
        cut_off: what lies before it goes; UTC.
        rows: that go or are emptied.
        customers: whom they are of.
        oldest: by the time that they are cut by; of customers when something last happened. None without rows.
        staying: rows as old that stay: open ones, and those of a record or customer that stays.
    """

    table: str
    cut_off: datetime
    rows: int
    customers: int
    oldest: datetime | None
    newest: datetime | None
    staying: int


def find_past(
    con: duckdb.DuckDBPyConnection, live: str, cut_offs: Mapping[str, datetime], secret: bytes
) -> tuple[list[Cut], People, list[Entry]]:
    """Look through an open working warehouse, with the published load beside it; nothing is changed but temporary tables.

    Args:
        live: the published load's catalog.
        cut_offs: by table, UTC without zone.

    Returns:
        What it comes to by table, what is to be taken out, and by what those customers' records are known if they come again.
    """
    prepare(con, secret)
    _put_seen(con, wanted=CUSTOMER in cut_offs)
    facts = {table: at for table, at in cut_offs.items() if table in TABLES}
    values = {"inactive": cut_offs.get(CUSTOMER), "tables": list(facts), "whole": list(WHOLE)}
    script = _script().replace("{live}", live).replace("{aged}", aged_facts_sql(facts))
    for statement in con.extract_statements(script):
        con.execute(statement, {name: values[name] for name in statement.named_parameters})
    _leave_reduced(con)
    cuts = [_counted(con, table, at) for table, at in cut_offs.items() if table != QUARANTINE]
    con.execute("CREATE OR REPLACE TEMP TABLE erasing_named AS SELECT record_key FROM erasing WHERE false")
    people = gathered(con, live)
    past = con.execute(f"SELECT {_PLACE} FROM past_record ORDER BY ALL").fetchall()
    everything = tuple(sorted({*people.facts, *past}))
    return cuts, People(people.records, everything, (), 0, tuple(past), cut_offs.get(RAW_HISTORY)), _entries(con)


def _put_seen(con: duckdb.DuckDBPyConnection, *, wanted: bool) -> None:
    """When a record of which no source says a time was last seen to change: the best that is known of it."""
    con.execute("CREATE OR REPLACE TEMP TABLE record_seen (record_key VARCHAR, happened_at TIMESTAMP)")
    timeless = "FROM staging.party_record WHERE source_updated_at IS NULL AND source_created_at IS NULL"
    streams = con.execute(f"SELECT DISTINCT source_system, stream {timeless} ORDER BY ALL").fetchall() if wanted else []
    for source, stream in streams:
        con.execute(
            "INSERT INTO record_seen SELECT concat_ws(':', source_system, stream, source_record_id), max(extracted_at)"
            f" FROM {table_name(source, stream)} WHERE source_record_id IN (SELECT source_record_id {timeless}"
            " AND source_system = $source AND stream = $stream) GROUP BY ALL",
            {"source": source, "stream": stream},
        )


def _leave_reduced(con: duckdb.DuckDBPyConnection) -> None:
    """Facts of which raw has nothing any more but what stays are through already."""
    there = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'").fetchall()}
    con.execute(f"CREATE OR REPLACE TEMP TABLE past_reduced AS SELECT {_PLACE} FROM past_record WHERE false")
    streams = con.execute("SELECT DISTINCT source_system, stream FROM past_record WHERE NOT has_whole ORDER BY ALL").fetchall()
    for source, stream in streams:
        held = f"SELECT source_record_id FROM {table_name(source, stream)} WHERE payload IS NOT NULL AND NOT {IS_REDUCED}"
        con.execute(
            f"INSERT INTO past_reduced SELECT {_PLACE} FROM past_record WHERE source_system = $source AND stream = $stream"
            + (f" AND source_record_id NOT IN ({held})" if f"{source}__{stream}" in there else ""),
            {"source": source, "stream": stream},
        )
    con.execute(f"DELETE FROM past_record WHERE ({_PLACE}) IN (FROM past_reduced)")


def _counted(con: duckdb.DuckDBPyConnection, table: str, cut_off: datetime) -> Cut:
    if table == RAW_HISTORY:
        rows, first, last = superseded(con, cut_off)
        return Cut(table, cut_off, rows, 0, first, last, 0)
    return _customers(con, cut_off) if table == CUSTOMER else _facts(con, table, cut_off)


def _facts(con: duckdb.DuckDBPyConnection, table: str, cut_off: datetime) -> Cut:
    rows, customers, oldest, newest, staying = con.execute(
        f"""SELECT count(*) FILTER (goes), count(DISTINCT customer_id) FILTER (goes), min(happened_at) FILTER (goes),
                   max(happened_at) FILTER (goes), count(*) FILTER (NOT goes AND NOT is_through)
        FROM (SELECT a.happened_at, o.customer_id, ({_PLACE}) IN (SELECT ({_PLACE}) FROM past_record) AS goes,
                     ({_PLACE}) IN (SELECT ({_PLACE}) FROM past_reduced) AS is_through
              FROM aged a LEFT JOIN last_owner o ON o.record_key = a.party_record_key WHERE a.target = ? AND a.is_old)""",
        [table],
    ).fetchall()[0]
    return Cut(table, cut_off, rows, customers, oldest, newest, staying)


def _customers(con: duckdb.DuckDBPyConnection, cut_off: datetime) -> Cut:
    rows, oldest, newest, staying = con.execute(
        """SELECT count(*), min(happened_at), max(happened_at),
                  (SELECT count(*) FROM aging_customer WHERE is_open AND happened_at < ?)
        FROM going_customer""",
        [cut_off],
    ).fetchall()[0]
    return Cut(CUSTOMER, cut_off, rows, rows, oldest, newest, staying)


def _entries(con: duckdb.DuckDBPyConnection) -> list[Entry]:
    """A record by its key, and by its key and payload: as long as its source sends it as it was, nothing happened."""
    con.execute("CREATE OR REPLACE TEMP TABLE going_record (record_key VARCHAR, payload_hash VARCHAR)")
    con.execute(
        "INSERT INTO going_record FROM erasing LEFT JOIN staging.party_record USING (record_key) SELECT record_key, payload_hash"
    )
    found = con.execute(
        "SELECT 'record', erased_key('record|' || record_key) FROM going_record UNION ALL"
        " SELECT 'payload', erased_key('payload|' || record_key || '|' || payload_hash) FROM going_record"
        " WHERE payload_hash IS NOT NULL ORDER BY ALL"
    ).fetchall()
    return [Entry("", kind, hmac) for kind, hmac in found]


@cache
def _script() -> str:
    return files(__package__).joinpath("past.sql").read_text(encoding="utf-8")
