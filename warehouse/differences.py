"""Making the tables of a published file equal to the candidate's, at the cost of what differs, and the digest that tells they are.

A table is stamped if each of its rows says which load last changed it. Of such a table only the rows of this load travel, and what
is gone is told, or looked for by key; of another, rows are told apart by a hash of all that is in them. The file is attached as
``target``. Verdicts, links and files are in `warehouse.publish`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

STAMP = "load_id"
Shape = list[tuple[str, str]]
Shapes = dict[tuple[bool, str], Shape]


@dataclass(frozen=True)
class PublishedTable:
    """A table of a published file.

    Attributes:
        keys: the columns that tell its rows apart.
        stamped: whether its column load_id names the load that last changed a row; the content of a row of an older load is then
            that of the published one.
    """

    schema: str
    name: str
    keys: tuple[str, ...]
    stamped: bool = False

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class RowChanges:
    """What a load did to a stamped table: its rows, and how many of them are new or changed, or gone since the published one."""

    rows: int
    inserted: int
    changed: int
    removed: int


def content_digest(con: duckdb.DuckDBPyConnection, tables: Iterable[PublishedTable], *, load_id: str, catalog: str = "") -> str:
    """A digest of a load's rows, independent of their order: what the gate judged and what is published must be the same.

    Of a stamped table it covers all of the rows that this load changed, and of the others which they are.

    Args:
        catalog: where the tables are, with a dot after it; without, the working warehouse.
    """
    parts: list[tuple[object, ...]] = []
    for table in tables:
        where = f"{catalog}{table} t"
        if table.stamped:
            which = ", ".join(f't."{key}"' for key in (*table.keys, STAMP))
            known = _summed(con, f"hash({which})", f"{where} WHERE {STAMP} IS DISTINCT FROM $load", load=load_id)
            parts.append((str(table), *known, *_summed(con, "hash(t)", f"{where} WHERE {STAMP} = $load", load=load_id)))
        else:
            parts.append((str(table), *_summed(con, "hash(t)", where)))
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _summed(con: duckdb.DuckDBPyConnection, digest: str, where: str, **values: str) -> tuple[int, int]:
    found: tuple[int, int] = con.execute(f"SELECT count(*), coalesce(sum({digest}::HUGEINT), 0) FROM {where}", values).fetchall()[0]
    return found


def apply_changes(
    con: duckdb.DuckDBPyConnection, table: PublishedTable, known: Shapes, *, load_id: str, gone: str | None = None
) -> RowChanges | None:
    """Make target's table equal to the candidate's, touching only rows that differ; None for a table without a stamp.

    Args:
        known: what `shapes` says of both.
        gone: relation with the keys of rows that are to go, where they are known; should there be others, they are looked for.
    """
    before = known.get((True, str(table)), [])
    if before != known.get((False, str(table)), []):
        changes = _compared_by_key(con, table, before) if table.stamped else None
        copy_whole(con, table)
        return changes
    changes = None
    if table.stamped:
        changes = _apply_stamped(con, table, load_id, gone)
    else:
        _apply_by_hash(con, table)
    if _rows(con, f"target.{table}") != _rows(con, str(table)):
        copy_whole(con, table)  # keys or whole rows that occur more than once
    return changes


def copy_whole(con: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    """Make target's table anew."""
    con.execute(f"DROP TABLE IF EXISTS target.{table} CASCADE")
    con.execute(f"CREATE TABLE target.{table} AS FROM {table}")


def _apply_stamped(con: duckdb.DuckDBPyConnection, table: PublishedTable, load_id: str, gone: str | None) -> RowChanges:
    same = _same_key(table, "t", "n")
    changed = con.execute(
        f"DELETE FROM target.{table} t USING (SELECT {_keys(table)} FROM {table} WHERE {STAMP} = ?) n WHERE {same}", [load_id]
    ).fetchall()[0][0]
    arrived = con.execute(f"INSERT INTO target.{table} FROM {table} WHERE {STAMP} = ?", [load_id]).fetchall()[0][0]
    rows, removed = _rows(con, str(table)), 0
    if gone:
        removed = con.execute(f"DELETE FROM target.{table} t USING {gone} n WHERE {same}").fetchall()[0][0]
    if _rows(con, f"target.{table}") > rows:
        removed += con.execute(f"DELETE FROM target.{table} t WHERE NOT EXISTS (FROM {table} n WHERE {same})").fetchall()[0][0]
    return RowChanges(rows, arrived - changed, changed, removed)


def _apply_by_hash(con: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    for name, relation in (("rows_now", str(table)), ("rows_before", f"target.{table}")):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT rowid AS place, hash(t) AS digest FROM {relation} t")
    gone = "SELECT place FROM rows_before ANTI JOIN rows_now USING (digest)"
    new = "SELECT place FROM rows_now ANTI JOIN rows_before USING (digest)"
    con.execute(f"DELETE FROM target.{table} WHERE rowid IN ({gone})")
    con.execute(f"INSERT INTO target.{table} FROM {table} WHERE rowid IN ({new})")
    con.execute("DROP TABLE rows_now; DROP TABLE rows_before")


def _compared_by_key(con: duckdb.DuckDBPyConnection, table: PublishedTable, before: Shape) -> RowChanges:
    """What becomes of a table that is made anew, as its columns are others, or it is there for the first time."""
    rows = _rows(con, str(table))
    if not set(table.keys) <= {column for column, _ in before}:
        return RowChanges(rows, rows, 0, 0)
    known = con.execute(f"SELECT count(*) FROM {table} SEMI JOIN target.{table} USING ({_keys(table)})").fetchall()[0][0]
    gone = con.execute(f"SELECT count(*) FROM target.{table} ANTI JOIN {table} USING ({_keys(table)})").fetchall()[0][0]
    return RowChanges(rows, rows - known, known, gone)


def _keys(table: PublishedTable) -> str:
    return ", ".join(f'"{key}"' for key in table.keys)


def _same_key(table: PublishedTable, one: str, other: str) -> str:
    return " AND ".join(f'{one}."{key}" IS NOT DISTINCT FROM {other}."{key}"' for key in table.keys)


def _rows(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(con.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])


def shapes(con: duckdb.DuckDBPyConnection) -> Shapes:
    """Columns and types, in order, of each table of target (True) and of the candidate (False), by ``schema.name``.

    One question for all of them: whatever is asked of it, the catalog goes through the columns of all tables.
    """
    found: Shapes = {}
    for is_target, table, column, type_ in con.execute(
        "SELECT database_name = 'target', schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE database_name IN ('target', current_database()) ORDER BY column_index"
    ).fetchall():
        found.setdefault((is_target, table), []).append((column, type_))
    return found
