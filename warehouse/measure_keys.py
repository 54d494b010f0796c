"""Measures whether the key of each golden table occurs once: all keys are counted, or those that a load can have doubled.

A load that was made from the published one leaves most rows alone. Where those are as many as they must be, and each had a key of
its own when it was published, only the load's own rows can share a key, with each other or with one of those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pandas as pd


@dataclass(frozen=True)
class Grown:
    """A load that was made from the published one, in which each key occurs once.

    Attributes:
        live: catalog of the published load.
        load_id: what the load's own rows are stamped with.
        replaced: per golden table, how many published rows it changed or removed.
    """

    live: str
    load_id: str
    replaced: Mapping[str, int]


def distinct_keys(con: duckdb.DuckDBPyConnection, keys: Mapping[str, tuple[str, ...]], grown: Grown | None = None) -> pd.DataFrame:
    """Frame `uniqueness`.

    Args:
        keys: golden tables and their key columns.
        grown: what the load was made from; None where that is not known, which has all keys counted.
    """
    parts = [
        f"SELECT '{table}', (SELECT count(*) FROM golden.{table}), (SELECT count(*) FROM golden.{table} WHERE {_missing(columns)})"
        for table, columns in keys.items()
    ]
    sizes = {table: (rows, without) for table, rows, without in con.execute(" UNION ALL ".join(parts)).fetchall()}
    own = _own_rows(con, sizes, grown)
    doubled = _beyond_first(con, {table: f"golden.{table}" for table in keys if table not in own}, keys)
    if grown:
        doubled |= _beyond_first(con, {table: _own(table) for table, rows in own.items() if rows}, keys, grown.load_id)
        for table in (table for table, rows in own.items() if rows):
            doubled[table] += _shared(con, table, keys[table], grown.load_id)
    found = [
        (table, "+".join(columns), sizes[table][0], sizes[table][0] - sizes[table][1] - doubled.get(table, 0), sizes[table][1])
        for table, columns in keys.items()
    ]
    return pd.DataFrame(found, columns=["table", "key_column", "rows", "distinct_keys", "null_keys"])


def _own_rows(con: duckdb.DuckDBPyConnection, sizes: Mapping[str, tuple[int, int]], grown: Grown | None) -> dict[str, int]:
    """The load's own rows of each table whose other rows are as many as the published ones that it left alone."""
    tables = [table for table in sizes if grown and table in grown.replaced]
    if not grown or not tables:
        return {}
    parts = [
        f"SELECT '{table}', (SELECT count(*) FROM {_own(table)}), (SELECT count(*) FROM {grown.live}.golden.{table})"
        for table in tables
    ]
    counted = con.execute(" UNION ALL ".join(parts), {"load": grown.load_id}).fetchall()
    return {table: own for table, own, published in counted if sizes[table][0] - own == published - grown.replaced[table]}


def _own(table: str) -> str:
    return f"(FROM golden.{table} WHERE load_id = $load)"


def _shared(con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], load_id: str) -> int:
    """Rows of earlier loads that have the key of one of the load's own rows."""
    first, listed = columns[0], ", ".join(columns)
    # One column tells most rows apart, and only of what it leaves are the others read. A further condition would cost three times
    # as much here: DuckDB would join all rows instead of looking for few values as it reads.
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE near AS SELECT rowid AS place FROM golden.{table}"
        f" WHERE {first} IN (SELECT DISTINCT {first} FROM {_own(table)})",
        {"load": load_id},
    )
    shared = con.execute(
        f"WITH beside AS MATERIALIZED (SELECT {listed} FROM golden.{table}"
        " WHERE rowid IN (SELECT place FROM near) AND load_id IS DISTINCT FROM $load)"
        f" SELECT count(*) FROM beside SEMI JOIN (SELECT {listed} FROM {_own(table)}) USING ({listed})",
        {"load": load_id},
    ).fetchall()[0][0]
    con.execute("DROP TABLE near")
    return int(shared)


def _beyond_first(
    con: duckdb.DuckDBPyConnection, relations: Mapping[str, str], keys: Mapping[str, tuple[str, ...]], load_id: str | None = None
) -> dict[str, int]:
    """Per table, the rows beyond the first of each key among those that have one.

    Keys are counted by their hashes, and as they are if two hashes are equal.
    """
    values = {} if load_id is None else {"load": load_id}

    def counted(table: str, key: str) -> str:
        columns = keys[table]
        return (
            f"SELECT '{table}', count(*) - count(DISTINCT {key}({', '.join(columns)})) FROM {relations[table]}"
            f" WHERE NOT ({_missing(columns)})"
        )

    if not relations:
        return {}
    by_hash = con.execute(" UNION ALL ".join(counted(table, "hash") for table in relations), values).fetchall()
    return {table: con.execute(counted(table, ""), values).fetchall()[0][1] if doubled else 0 for table, doubled in by_hash}


def _missing(columns: Sequence[str]) -> str:
    return " OR ".join(f"{column} IS NULL" for column in columns)
