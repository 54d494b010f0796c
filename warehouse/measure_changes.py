"""Measures what a load changed next to the published one, fact by fact: currencies, rows told twice, columns, the fullest mailbox.

Counts only, one frame per thing, as `warehouse.measure` does for the load as a whole. Before the first load is published only the
rows told twice are counted, for the next one to be compared with.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pandas as pd

from hub.contract.columns import FACTS
from warehouse.measure_doubled import SAME, Doubled, measure_doubled
from warehouse.sql import statement

PRICED = {table.name: table.key for table in FACTS if table.column("currency")}
_EXAMPLES = 20
_EMPTY = {
    "mailbox": ("holders", "holders_before", "records"),
    "currency_changes": ("table", "source_system", "compared", "changed"),
    "schema": ("table", "columns_before", "lost"),
}


def measure_changes(
    con: duckdb.DuckDBPyConnection,
    keys: Mapping[str, tuple[str, ...]],
    live: str | None,
    load_id: str,
    *,
    doubled_before: Doubled,
) -> dict[str, pd.DataFrame]:
    """The frames `mailbox`, `duplicates`, `currency_changes` and `schema`.

    Args:
        keys: golden tables and their key columns.
        live: catalog of the attached published load, None before the first.
        load_id: the candidate, with which its new and changed rows are stamped.
        doubled_before: what is kept of the published load's rows told twice.
    """
    empty = {name: pd.DataFrame(columns=list(columns)) for name, columns in _EMPTY.items()}
    if live is None:
        return empty | {"duplicates": measure_doubled(con, list(SAME), None, [], {})}
    known = _columns(con, live)
    compared = [table for table, same in SAME.items() if _has(known[live], table, same)]
    found = {
        "mailbox": _mailbox(con, live, load_id),
        "duplicates": measure_doubled(con, compared, live, compared, doubled_before),
        "currency_changes": _union(
            con,
            [_changed(table, key, live) for table, key in PRICED.items() if _has(known[live], table, (key, "currency"))],
            {"load": load_id},
        ),
        "schema": _schema(keys, known[live], known[""]),
    }
    return {name: empty[name] if frame is None else frame for name, frame in found.items()}


Columns = dict[str, dict[str, str]]


def _columns(con: duckdb.DuckDBPyConnection, live: str) -> dict[str, Columns]:
    """Types of the golden tables' columns: of the published ones by its catalog, and of the candidate's by the empty name."""
    rows = con.execute(
        "SELECT CASE WHEN database_name = $live THEN $live ELSE '' END, table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE database_name IN ($live, current_database()) AND schema_name = 'golden' ORDER BY table_name, column_index",
        {"live": live},
    ).fetchall()
    known: dict[str, Columns] = {live: {}, "": {}}
    for catalog, table, column, type_ in rows:
        known[catalog].setdefault(table, {})[column] = type_
    return known


def _has(known: Columns, table: str, columns: tuple[str, ...]) -> bool:
    return set(columns) <= set(known.get(table, ()))


def _union(
    con: duckdb.DuckDBPyConnection, selects: list[str], parameters: Mapping[str, object] | None = None
) -> pd.DataFrame | None:
    return con.execute(" UNION ALL ".join(selects), dict(parameters or {})).df() if selects else None


def _mailbox(con: duckdb.DuckDBPyConnection, live: str, load_id: str) -> pd.DataFrame:
    return con.execute(statement("measure_mailbox").replace("{live}", live), {"load": load_id}).df()


def _changed(table: str, key: str, live: str) -> str:
    """Per source, facts in both loads; one that did not change at all keeps the stamp of an earlier load, and is not looked for."""
    come = f"SELECT {key}, source_system, currency FROM golden.{table} WHERE load_id = $load"
    both = f"({come}) n JOIN {live}.golden.{table} b USING ({key})"
    met = f"SELECT n.source_system, {key}, n.currency <> b.currency AS other FROM {both}"
    stayed = f"SELECT source_system, count(*) AS n FROM golden.{table} WHERE load_id <> $load GROUP BY source_system"
    seen = (
        "SELECT source_system, count(*) AS n, count(*) FILTER (other) AS changed,"
        f" list({key} ORDER BY {key}) FILTER (other)[1:{_EXAMPLES}] AS examples FROM ({met}) GROUP BY source_system"
    )
    return (
        f"SELECT '{table}' AS \"table\", source_system, coalesce(stayed.n, 0) + coalesce(seen.n, 0) AS compared,"
        " coalesce(changed, 0) AS changed, examples AS currency_kept_examples"
        f" FROM ({stayed}) stayed FULL JOIN ({seen}) seen USING (source_system)"
    )


def _schema(keys: Mapping[str, tuple[str, ...]], before: Columns, now: Columns) -> pd.DataFrame:
    rows = []
    for table in keys:
        if table not in before:
            continue
        lost = [column for column, type_ in before[table].items() if now.get(table, {}).get(column) != type_]
        rows.append((table, len(before[table]), len(lost), [f"{table}.{column}" for column in lost] or None))
    return pd.DataFrame(rows, columns=["table", "columns_before", "lost", "schema_kept_examples"])
