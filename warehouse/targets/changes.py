"""What a target needs to be as a published load: nothing, rows that changed, or a whole table. DuckDB compares the loads' files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import duckdb

from warehouse.connection import connect
from warehouse.targets.tables import TableSpec, TargetTable, tables_in

NEW, OLD = "new", "old"
# above this share of changed rows, loading the table anew is quicker than bringing it up to date
_MANY = 0.5

Action = Literal["keep", "describe", "delta", "load", "drop"]


@dataclass(frozen=True)
class TableState:
    """What a target says of a table that it got: from which load, and what that was.

    Attributes:
        content: digest of the rows.
        shape: `TargetTable.shape`.
        meaning: `TargetTable.meaning`.
    """

    load_id: str
    content: str
    shape: str
    meaning: str
    rows: int


@dataclass(frozen=True)
class Change:
    """What is to be done to one table.

    Attributes:
        action: leave it, describe it anew, apply a delta, load it whole, or drop it.
        relation: where the rows to be inserted are, in DuckDB.
        inserts: their number.
        gone: where the keys to be deleted first are, if it is a delta.
        removals: their number.
        state: what the target is to note of it; None for a table that is dropped.
    """

    table: TargetTable
    action: Action
    relation: str = ""
    inserts: int = 0
    gone: str = ""
    removals: int = 0
    state: TableState | None = None


@contextmanager
def loads_attached(new: Path, old: Path | None, *, memory_limit: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that has a published file as `new`, and the one that the target was made from as `old` if that is kept."""
    con = connect(None, memory_limit=memory_limit)
    try:
        # a database in memory would spill into the folder that the command was called in
        spill = str(new.parent / ".targets.tmp").replace("'", "''")
        con.execute(f"SET temp_directory = '{spill}'")
        for path, name in ((new, NEW), (old, OLD)):
            if path is not None:
                con.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS {name} (READ_ONLY)")
        yield con
    finally:
        con.close()


def plan(
    con: duckdb.DuckDBPyConnection,
    load_id: str,
    specs: Sequence[TableSpec],
    states: Mapping[str, TableState],
    *,
    has_old: bool,
    anew: Collection[str] = (),
) -> list[Change]:
    """What the target needs, table by table.

    Args:
        states: what the target says it has, by table.
        has_old: the file of the load that it has is attached as `old`.
        anew: tables to be loaded whole whatever the target says.
    """
    tables = tables_in(con, NEW, specs)
    changes = [_change(con, load_id, table, states.get(str(table)), has_old, str(table) in anew) for table in tables]
    wanted = {str(table) for table in tables}
    return changes + [Change(_dropped(name), "drop") for name in sorted(states) if name not in wanted]


def _dropped(name: str) -> TargetTable:
    schema, _, table = name.partition(".")
    return TargetTable(schema, table, (), (), (), "")


def _change(
    con: duckdb.DuckDBPyConnection, load_id: str, table: TargetTable, known: TableState | None, has_old: bool, anew: bool
) -> Change:
    content, rows = digest(con, f"{NEW}.{table}")
    if known is not None and known.content == content and not anew and _same_columns(table, known):
        # an unchanged table keeps the keys it could have when it was loaded
        kept = table if known.shape == table.shape else _without_keys(table)
        if known.shape == kept.shape:
            state = TableState(load_id, content, kept.shape, kept.meaning, rows)
            return Change(kept, "keep" if known.meaning == kept.meaning else "describe", state=state)
    state = TableState(load_id, content, table.shape, table.meaning, rows)
    if known is not None and table.keys and known.shape == table.shape and has_old and not anew:
        delta = _delta(con, table, known, state)
        if delta is not None:
            return delta
    table = table if _keys_hold(con, table) else _without_keys(table)
    return Change(table, "load", f"{NEW}.{table}", rows, state=replace(state, shape=table.shape))


def _same_columns(table: TargetTable, known: TableState) -> bool:
    return known.shape in (table.shape, _without_keys(table).shape)


def _without_keys(table: TargetTable) -> TargetTable:
    return replace(table, keys=())


def digest(con: duckdb.DuckDBPyConnection, relation: str) -> tuple[str, int]:
    """A digest of a relation's rows, whatever their order, and their number."""
    count, total = con.execute(f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0) FROM {relation} AS t").fetchall()[0]
    return f"{count}:{total}", count


def _delta(con: duckdb.DuckDBPyConnection, table: TargetTable, known: TableState, state: TableState) -> Change | None:
    """The delta from what the target has; None if the old file is not that, or a whole load is quicker."""
    if digest(con, f"{OLD}.{table}")[0] != known.content:
        return None
    fresh, gone = f"fresh_{table.schema}_{table.name}", f"gone_{table.schema}_{table.name}"
    keys = ", ".join(f'"{key}"' for key in table.keys)
    # in memory, but not TEMP: cursors of the same connection read them
    con.execute(f"CREATE OR REPLACE TABLE {fresh} AS (FROM {NEW}.{table} EXCEPT ALL FROM {OLD}.{table})")
    con.execute(f"CREATE OR REPLACE TABLE {gone} AS SELECT {keys} FROM (FROM {OLD}.{table} EXCEPT ALL FROM {NEW}.{table})")
    inserts, removals = (con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in (fresh, gone))
    if inserts > _MANY * max(known.rows, 1000):
        return None
    return Change(table, "delta", fresh, inserts, gone, removals, state)


def _keys_hold(con: duckdb.DuckDBPyConnection, table: TargetTable) -> bool:
    """Whether the columns that are to be the primary key can be it: a row each, and none of them NULL."""
    if not table.keys:
        return True
    keys = ", ".join(f'"{key}"' for key in table.keys)
    missing = " OR ".join(f'"{key}" IS NULL' for key in table.keys)
    twice = f"EXISTS (SELECT 1 FROM {NEW}.{table} GROUP BY {keys} HAVING count(*) > 1)"
    return not con.execute(f"SELECT EXISTS (SELECT 1 FROM {NEW}.{table} WHERE {missing}) OR {twice}").fetchall()[0][0]
