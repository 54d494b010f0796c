"""Making tables of a published file equal to the candidate's by hashes of whole rows, for those whose rows say nothing of loads.

The file is attached as ``target``. What is there already is not touched, and nothing is written for a table that did not change.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

Content = tuple[int, int]  # rows, and the sum of their digests
_DIGEST = "hash(*COLUMNS(*))"
_FEW = 10_000  # rows: so many are as quickly summed as a statement is planned


def summed(name: str, relation: str) -> str:
    """SELECT of a name and the content of a relation."""
    return f"SELECT '{name}', count(*), coalesce(sum({_DIGEST}::HUGEINT), 0) FROM {relation}"


def apply_by_hash(con: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> dict[str, Content | None]:
    """Bring target's tables, which have the columns of the candidate's, to the candidate's rows.

    Returns:
        By ``schema.name``, the content of both; None where it is still another, as whole rows occur more than once.
    """
    if not tables:
        return {}
    few = _few(con, tables)
    alike = _alike(con, few) if few else {}
    return {table: alike[table] if table in alike else _bring(con, table) for table in tables}


def _few(con: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> list[str]:
    sizes = " UNION ALL ".join(f"SELECT '{table}', (SELECT count(*) FROM {table})" for table in tables)
    return [table for table, rows in con.execute(sizes).fetchall() if rows <= _FEW]


def _alike(con: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> dict[str, Content]:
    """The tables that are equal as they are."""
    selects = [summed(table, place) for table in tables for place in (table, f"target.{table}")]
    contents: dict[str, list[Content]] = {}
    for table, rows, digest in con.execute(" UNION ALL ".join(selects)).fetchall():
        contents.setdefault(table, []).append((rows, digest))
    return {table: now for table, (now, before) in contents.items() if now == before}


def _bring(con: duckdb.DuckDBPyConnection, table: str) -> Content | None:
    for name, relation in (("rows_now", table), ("rows_before", f"target.{table}")):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT rowid AS place, {_DIGEST} AS digest FROM {relation}")
    con.execute("CREATE OR REPLACE TEMP TABLE rows_gone AS FROM rows_before ANTI JOIN rows_now USING (digest)")
    con.execute("CREATE OR REPLACE TEMP TABLE rows_new AS FROM rows_now ANTI JOIN rows_before USING (digest)")
    parts = ("rows_now", "rows_before", "rows_gone", "rows_new")
    sums = [f"SELECT count(*), coalesce(sum(digest::HUGEINT), 0), {place} AS place FROM {name}" for place, name in enumerate(parts)]
    found = con.execute(f"{' UNION ALL '.join(sums)} ORDER BY place").fetchall()
    now, before, gone, new = ((rows, digest) for rows, digest, _ in found)
    deleted = inserted = 0
    if gone[0]:
        deleted = con.execute(f"DELETE FROM target.{table} WHERE rowid IN (SELECT place FROM rows_gone)").fetchall()[0][0]
    if new[0]:
        inserted = con.execute(f"INSERT INTO target.{table} FROM {table} WHERE rowid IN (SELECT place FROM rows_new)").fetchall()[
            0
        ][0]
    con.execute("; ".join(f"DROP TABLE {name}" for name in parts))
    left = (before[0] - gone[0] + new[0], before[1] - gone[1] + new[1])
    return now if left == now and (deleted, inserted) == (gone[0], new[0]) else None
