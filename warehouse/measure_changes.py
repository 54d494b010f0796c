"""Measures what a load changed next to the published one, fact by fact: currencies, rows told twice, columns, the fullest mailbox.

Counts only, one frame per thing, as `warehouse.measure` does for the load as a whole; nothing here where no load is published.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pandas as pd

from hub.contract.columns import FACTS
from warehouse.sql import statement

# what of two facts of a source would be the same if they were one, told twice; all are columns of the golden table
SAME = {
    "customer_order": ("customer_id", "ordered_at", "currency", "gross_amount"),
    "invoice": ("customer_id", "issued_at", "currency", "total_amount"),
    "payment": ("customer_id", "paid_at", "currency", "amount", "status"),
    "refund": ("customer_id", "refunded_at", "currency", "amount", "order_key", "payment_key"),
    "ticket": ("customer_id", "opened_at", "subject"),
    "lead": ("customer_id", "submitted_at", "form_id"),
    "ad_spend_daily": ("platform", "account_id", "campaign_id", "ad_group_id", "ad_id", "date_day"),
}
PRICED = {table.name: table.key for table in FACTS if table.column("currency")}
_EXAMPLES = 20
_EMPTY = {
    "mailbox": ("holders", "holders_before", "records"),
    "duplicates": ("table", "source_system", "rows", "doubled", "rows_before", "doubled_before"),
    "currency_changes": ("table", "source_system", "compared", "changed"),
    "schema": ("table", "columns_before", "lost"),
}


def measure_changes(
    con: duckdb.DuckDBPyConnection, keys: Mapping[str, tuple[str, ...]], live: str | None, load_id: str
) -> dict[str, pd.DataFrame]:
    """The frames `mailbox`, `duplicates`, `currency_changes` and `schema`.

    Args:
        keys: golden tables and their key columns.
        live: catalog of the attached published load, None before the first.
        load_id: the candidate, with which its new and changed rows are stamped.
    """
    empty = {name: pd.DataFrame(columns=list(columns)) for name, columns in _EMPTY.items()}
    if live is None:
        return empty
    known = _columns(con, live)
    found = {
        "mailbox": _mailbox(con, live, load_id),
        "duplicates": _duplicates(con, live, known),
        "currency_changes": _union(
            con,
            [_changed(table, key, live) for table, key in PRICED.items() if _has(known, table, (key, "currency"))],
            {"load": load_id},
        ),
        "schema": _schema(con, keys, known),
    }
    return {name: empty[name] if frame is None else frame for name, frame in found.items()}


Columns = dict[str, dict[str, str]]


def _columns(con: duckdb.DuckDBPyConnection, live: str) -> Columns:
    """Types of the published golden tables' columns."""
    rows = con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = ? AND schema_name = 'golden'"
        " ORDER BY table_name, column_index",
        [live],
    ).fetchall()
    known: Columns = {}
    for table, column, type_ in rows:
        known.setdefault(table, {})[column] = type_
    return known


def _has(known: Columns, table: str, columns: tuple[str, ...]) -> bool:
    return set(columns) <= set(known.get(table, ()))


def _union(
    con: duckdb.DuckDBPyConnection, selects: list[str], parameters: Mapping[str, object] | None = None
) -> pd.DataFrame | None:
    return con.execute(" UNION ALL ".join(selects), dict(parameters or {})).df() if selects else None


def _mailbox(con: duckdb.DuckDBPyConnection, live: str, load_id: str) -> pd.DataFrame:
    return con.execute(statement("measure_mailbox").replace("{live}", live), {"load": load_id}).df()


def _duplicates(con: duckdb.DuckDBPyConnection, live: str, known: Columns) -> pd.DataFrame | None:
    """Per source, the rows beyond the first of each group that tells the same, and which are told more than once."""
    tables = [table for table, same in SAME.items() if _has(known, table, same)]
    frame = _union(con, [_doubled(table, live) for table in tables])
    if frame is None:
        return None
    told = _union(con, [_told_twice(table) for table in tables if (frame["doubled"][frame["table"] == table] > 0).any()])
    if told is None:
        return frame.assign(rows_doubled_examples=None)
    return frame.merge(told, how="left", on=["table", "source_system"])


def _doubled(table: str, live: str) -> str:
    def counted(relation: str) -> str:
        # most sources tell nothing twice, and hashes are counted faster than groups are made
        beyond = f"count(*) - count(DISTINCT hash({', '.join(SAME[table])}))"
        return f"SELECT source_system, count(*) AS rows, {beyond} AS doubled FROM {relation} GROUP BY source_system"

    return (
        f"SELECT '{table}' AS \"table\", source_system, n.rows, n.doubled, b.rows AS rows_before, b.doubled AS doubled_before"
        f" FROM ({counted(f'golden.{table}')}) n LEFT JOIN ({counted(f'{live}.golden.{table}')}) b USING (source_system)"
    )


def _told_twice(table: str) -> str:
    """Per source, one of each group of rows that tell the same, looked for among those of which a hash occurs twice."""
    key, same = next(t.key for t in FACTS if t.name == table), f"source_system, {', '.join(SAME[table])}"
    hashed = f"SELECT hash({same}) AS h FROM golden.{table} GROUP BY h HAVING count(*) > 1"
    told = f"SELECT source_system, max({key}) AS one FROM golden.{table} WHERE hash({same}) IN ({hashed}) GROUP BY {same}"
    return (
        f"SELECT '{table}' AS \"table\", source_system, min(one, {_EXAMPLES}) AS rows_doubled_examples"
        f" FROM ({told} HAVING count(*) > 1) GROUP BY source_system"
    )


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


def _schema(con: duckdb.DuckDBPyConnection, keys: Mapping[str, tuple[str, ...]], known: Columns) -> pd.DataFrame:
    rows = []
    for table in keys:
        if table not in known:
            continue
        now = {row[0]: row[1] for row in con.execute(f"DESCRIBE golden.{table}").fetchall()}
        lost = [column for column, type_ in known[table].items() if now.get(column) != type_]
        rows.append((table, len(known[table]), len(lost), [f"{table}.{column}" for column in lost] or None))
    return pd.DataFrame(rows, columns=["table", "columns_before", "lost", "schema_kept_examples"])
