"""Making the tables of a published file equal to the candidate's, at the cost of what differs, and the digest that tells they are.

A table is stamped if each of its rows says which load last changed it. Of such a table only the rows of this load travel, and what
is gone is told, or looked for by key; of another, rows are told apart by a hash of all that is in them. The file is attached as
``target``. Verdicts, links and files are in `warehouse.publish`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from warehouse.by_hash import Content, apply_by_hash, summed

STAMP = "load_id"
Shape = list[tuple[str, str]]
Shapes = dict[tuple[bool, str], Shape]
_MANY = 100_000  # rows


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


@dataclass(frozen=True)
class Applied:
    """What became of target's tables.

    Attributes:
        changes: of each stamped table, by its name without schema.
        contents: of tables without stamps that are known to be the candidate's, by ``schema.name``.
    """

    changes: dict[str, RowChanges]
    contents: dict[str, Content]


@dataclass(frozen=True)
class Sizes:
    """Rows of a stamped table: of the candidate, of those its own load's, and of target."""

    rows: int
    own: int
    published: int


def content_digest(
    con: duckdb.DuckDBPyConnection,
    tables: Iterable[PublishedTable],
    *,
    load_id: str,
    catalog: str = "",
    known: Mapping[str, Content] | None = None,
) -> str:
    """A digest of a load's rows, independent of their order: what the gate judged and what is published must be the same.

    Of a stamped table it covers all of the rows that this load changed, and of the others how many there are of each, not which:
    what a load changes it stamps, and what goes or comes besides is seen in the counts. Of a table without stamps it covers all.

    Args:
        catalog: where the tables are, with a dot after it; without, the working warehouse.
        known: contents of tables without stamps that need not be read again, by ``schema.name``.
    """
    read = [table for table in tables if str(table) not in (known or {})]
    stamped = [table for table in read if table.stamped]
    counts = [f"SELECT '{table}', {STAMP}, count(*) FROM {catalog}{table} GROUP BY {STAMP}" for table in stamped]
    own = [f"{summed(str(table), f'{catalog}{table}')} WHERE {STAMP} = $load" for table in stamped]
    whole = [summed(str(table), f"{catalog}{table}") for table in read if not table.stamped]
    parts: list[tuple[object, ...]] = [(name, *content) for name, content in (known or {}).items()]
    for selects, values in ((counts, {}), (own, {"load": load_id}), (whole, {})):
        parts += con.execute(" UNION ALL ".join(selects), values).fetchall() if selects else []
    return hashlib.blake2b(repr(sorted(parts, key=repr)).encode(), digest_size=16).hexdigest()


def apply_changes(
    con: duckdb.DuckDBPyConnection,
    tables: Sequence[PublishedTable],
    known: Shapes,
    *,
    load_id: str,
    gone: Mapping[str, str] | None = None,
) -> Applied:
    """Make target's tables equal to the candidate's, touching only rows that differ.

    Args:
        known: what `shapes` says of both.
        gone: relations with the keys of rows that are to go, by ``schema.name``, where they are known; should there be others, they
            are looked for.
    """
    done = Applied({}, {})
    alike = [table for table in tables if known.get((True, str(table))) == known.get((False, str(table)), [])]
    for table in tables:
        if table not in alike:
            if table.stamped:
                done.changes[table.name] = _compared_by_key(con, table, known.get((True, str(table)), []))
            copy_whole(con, table)
    for table, sizes in _sizes(con, [table for table in alike if table.stamped], load_id).items():
        done.changes[table.name] = _apply_stamped(con, table, sizes, load_id, (gone or {}).get(str(table)))
    contents = apply_by_hash(con, [str(table) for table in alike if not table.stamped])
    for table in alike:
        content = contents.get(str(table))
        if content is not None:
            done.contents[str(table)] = content
        elif not table.stamped:
            copy_whole(con, table)
    return done


def copy_whole(con: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    """Make target's table anew."""
    con.execute(f"DROP TABLE IF EXISTS target.{table} CASCADE")
    con.execute(f"CREATE TABLE target.{table} AS FROM {table}")


def _sizes(con: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable], load_id: str) -> dict[PublishedTable, Sizes]:
    selects = [
        f"SELECT {place} AS place, (SELECT count(*) FROM {table}) AS rows,"
        f" (SELECT count(*) FROM {table} WHERE {STAMP} = $load) AS own, (SELECT count(*) FROM target.{table}) AS published"
        for place, table in enumerate(tables)
    ]
    found = con.execute(" UNION ALL ".join(selects), {"load": load_id}).fetchall() if selects else []
    return {tables[place]: Sizes(*sizes) for place, *sizes in found}


def _apply_stamped(
    con: duckdb.DuckDBPyConnection, table: PublishedTable, sizes: Sizes, load_id: str, gone: str | None
) -> RowChanges:
    if gone and _places(con, table, str(table), sizes.rows, f"(SELECT {_keys(table)}, false AS own FROM {gone})", load_id):
        gone = None  # it names rows that are still there, so that nothing it says can be relied on
    changed = removed = 0
    if sizes.own or gone:
        leaving = f"SELECT {_keys(table)}, true AS own FROM {table} WHERE {STAMP} = $load"
        leaving += f" UNION ALL SELECT {_keys(table)}, false FROM {gone}" if gone else ""
        _places(con, table, f"target.{table}", sizes.published, f"({leaving})", load_id)
        changed = _delete(con, table, "SELECT place FROM places WHERE own") if sizes.own else 0
        removed = _delete(con, table, "SELECT place FROM places WHERE NOT own") if gone else 0
    if sizes.own:
        con.execute(f"INSERT INTO target.{table} FROM {table} WHERE {STAMP} = ?", [load_id])
    left = sizes.published - changed - removed + sizes.own
    if left > sizes.rows:
        same = _same_key(table, "t", "n")
        strays = con.execute(f"DELETE FROM target.{table} t WHERE NOT EXISTS (FROM {table} n WHERE {same})").fetchall()[0][0]
        left, removed = left - strays, removed + strays
    if left != sizes.rows:
        copy_whole(con, table)  # keys that occur more than once
    return RowChanges(sizes.rows, sizes.own - changed, changed, removed)


def _delete(con: duckdb.DuckDBPyConnection, table: PublishedTable, places: str) -> int:
    return int(con.execute(f"DELETE FROM target.{table} WHERE rowid IN ({places})").fetchall()[0][0])


def _places(con: duckdb.DuckDBPyConnection, table: PublishedTable, relation: str, rows: int, wanted: str, load_id: str) -> int:
    """Make temporary table `places` of the rows of a relation whose keys are wanted, and say how many they are.

    Args:
        rows: of the relation.
        wanted: keys, and in `own` whether they are those of this load's rows.
    """
    first, among = f'"{table.keys[0]}"', relation
    values = {"load": load_id} if "$load" in wanted else {}
    if rows > _MANY:
        # one column tells most rows apart as they are read, and only of what it leaves are the others read
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE near AS SELECT rowid AS place FROM {relation}"
            f" WHERE {first} IN (SELECT DISTINCT {first} FROM {wanted})"
            f" UNION ALL SELECT rowid FROM {relation} WHERE {first} IS NULL",
            values,
        )
        among = f"{relation} WHERE rowid IN (SELECT place FROM near)"
    return int(
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE places AS WITH t AS MATERIALIZED (SELECT rowid AS place, {_keys(table)} FROM {among})"
            f" SELECT place, bool_or(own) AS own FROM t JOIN {wanted} n ON {_same_key(table, 't', 'n')} GROUP BY place",
            values,
        ).fetchall()[0][0]
    )


def _compared_by_key(con: duckdb.DuckDBPyConnection, table: PublishedTable, before: Shape) -> RowChanges:
    """What becomes of a table that is made anew, as its columns are others, or it is there for the first time."""
    rows = con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    if not set(table.keys) <= {column for column, _ in before}:
        return RowChanges(rows, rows, 0, 0)
    known = con.execute(f"SELECT count(*) FROM {table} SEMI JOIN target.{table} USING ({_keys(table)})").fetchall()[0][0]
    gone = con.execute(f"SELECT count(*) FROM target.{table} ANTI JOIN {table} USING ({_keys(table)})").fetchall()[0][0]
    return RowChanges(rows, rows - known, known, gone)


def _keys(table: PublishedTable) -> str:
    return ", ".join(f'"{key}"' for key in table.keys)


def _same_key(table: PublishedTable, one: str, other: str) -> str:
    return " AND ".join(f'{one}."{key}" IS NOT DISTINCT FROM {other}."{key}"' for key in table.keys)


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
