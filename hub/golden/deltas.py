"""How a load's golden tables differ from the published ones, table by table: counted once, when they are built.

Of the rows that are gone the keys are kept as well, in ``basis.gone_<table>``, so that whoever brings another copy to the same
content need not look for them among all rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from hub.golden.history import HISTORY
from hub.golden.maker import Maker, columns_of
from hub.golden.tables import TABLES

_GONE = "gone_"


@dataclass(frozen=True)
class TableDelta:
    """Rows of a golden table in this load, and how many of them are new, changed or gone since the published one."""

    rows: int
    inserted: int
    changed: int
    removed: int


def count_deltas(maker: Maker) -> dict[str, TableDelta]:
    """Count and keep the deltas of the tables that were just made."""
    count = _of_touched if maker.partly else _of_whole
    deltas = {table: count(maker, table) for table in maker.keys}
    for name in _kept(maker.con):
        maker.con.execute(f"DROP TABLE basis.{_GONE}{name}")
    for table, delta in deltas.items():
        if maker.partly and delta.removed:
            keys = ", ".join(maker.keys[table])
            maker.con.execute(
                f"CREATE TABLE basis.{_GONE}{table} AS SELECT {keys} FROM old_{table} ANTI JOIN new_{table} USING ({keys})"
            )
    maker.con.execute(
        "CREATE OR REPLACE TABLE basis.delta (load_id VARCHAR, name VARCHAR, rows INT8, inserted INT8, changed INT8, removed INT8)"
    )
    maker.con.executemany(
        "INSERT INTO basis.delta VALUES (?, ?, ?, ?, ?, ?)",
        [[maker.load_id, table, d.rows, d.inserted, d.changed, d.removed] for table, d in deltas.items()],
    )
    return deltas


def table_deltas(con: duckdb.DuckDBPyConnection, *, load_id: str, live: str | None) -> dict[str, TableDelta]:
    """Per golden table, how the load `load_id`, which lies in the working warehouse, differs from the published one.

    Args:
        live: catalog of the attached published load, None before the first.
    """
    try:
        found = con.execute(
            "SELECT name, rows, inserted, changed, removed FROM basis.delta WHERE load_id = ?", [load_id]
        ).fetchall()
    except duckdb.CatalogException:  # it was built by a version that kept none
        found = []
    kept = {name: TableDelta(*numbers) for name, *numbers in found}
    return kept or {table: _of_whole(Maker(con, TABLES, load_id, live), table) for table in TABLES}


def gone(con: duckdb.DuckDBPyConnection, *, load_id: str) -> dict[str, str]:
    """Relations of the working warehouse with the keys of rows that a load removes, by golden table; none where unknown."""
    try:
        known = con.execute("SELECT count(*) FROM basis.delta WHERE load_id = ?", [load_id]).fetchall() != [(0,)]
    except duckdb.CatalogException:  # it was built by a version that kept none
        return {}
    return {name: f"basis.{_GONE}{name}" for name in _kept(con)} if known else {}


def _kept(con: duckdb.DuckDBPyConnection) -> list[str]:
    found = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'basis'"
        " AND starts_with(table_name, ?) ORDER BY table_name",
        [_GONE],
    ).fetchall()
    return [name.removeprefix(_GONE) for (name,) in found]


def _of_whole(maker: Maker, table: str) -> TableDelta:
    con, live = maker.con, maker.live
    rows, fresh = con.execute(f"SELECT count(*), count(*) FILTER (load_id = ?) FROM golden.{table}", [maker.load_id]).fetchall()[0]
    if live is None or not columns_of(con, live, table):
        return TableDelta(rows, fresh, 0, 0)
    changed, published = con.execute(
        f"SELECT (SELECT count(*) FROM golden.{table} SEMI JOIN {live}.golden.{table} USING ({', '.join(maker.keys[table])})"
        f" WHERE load_id = ?), (SELECT count(*) FROM {live}.golden.{table})",
        [maker.load_id],
    ).fetchall()[0]
    # what is not of this load is in the published one as it is
    return TableDelta(rows, fresh - changed, changed, published - (rows - fresh) - changed)


def _of_touched(maker: Maker, table: str) -> TableDelta:
    if table == HISTORY:
        rows, added, ended = maker.con.execute(
            "SELECT count(*), count(*) FILTER (recorded_load_id = $load),"
            f" count(*) FILTER (load_id = $load AND recorded_load_id <> $load) FROM golden.{table}",
            {"load": maker.load_id},
        ).fetchall()[0]
        return TableDelta(rows, added, ended, 0)
    rows, new, old, changed = maker.con.execute(
        f"SELECT (SELECT count(*) FROM golden.{table}), (SELECT count(*) FROM new_{table}), (SELECT count(*) FROM old_{table}),"
        f" (SELECT count(*) FROM new_{table} SEMI JOIN old_{table} USING ({', '.join(maker.keys[table])}))"
    ).fetchall()[0]
    return TableDelta(rows, new - changed, changed, old - changed)
