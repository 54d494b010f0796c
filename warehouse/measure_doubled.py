"""Measures facts that a source tells twice under different IDs, now and in the published load.

What is counted of a load does not change once it is published: whoever keeps it (`doubled`) and hands it in saves a count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pandas as pd

from hub.contract.columns import FACTS

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
_KEYS = {table.name: table.key for table in FACTS}
_EXAMPLES = 20
Doubled = Mapping[tuple[str, str, str], int]  # table, source, and the columns that are the same -> rows beyond the first
_Counts = dict[tuple[str, str], int]


def doubled(duplicates: pd.DataFrame) -> Doubled:
    """What frame `duplicates` counted of the load that it was measured on, to be handed in when the next load is."""
    counted = duplicates[["table", "source_system", "doubled"]].itertuples(index=False)
    return {(table, source, same(table)): int(rows) for table, source, rows in counted}


def same(table: str) -> str:
    """What tells that two facts of a table are one."""
    return "+".join(SAME[table])


def measure_doubled(
    con: duckdb.DuckDBPyConnection, tables: Sequence[str], live: str | None, published: Sequence[str], before: Doubled
) -> pd.DataFrame:
    """Frame `duplicates`: per source, the rows beyond the first of each group that tells the same, and which groups those are.

    Args:
        tables: which to measure.
        live: catalog of the published load, None before the first.
        published: those of the tables that can be measured in it.
        before: what `doubled` told of the published load; a table of which it lacks a source is counted.
    """
    rows, beyond = _rows(con, tables, "golden"), _beyond_first(con, tables, "golden")
    rows_before = _rows(con, published, f"{live}.golden")
    unknown = {table for table, source in rows_before if (table, source, same(table)) not in before}
    beyond_before = {place: before[(*place, same(place[0]))] for place in rows_before if place[0] not in unknown}
    beyond_before |= _beyond_first(con, sorted(unknown), f"{live}.golden")
    examples = _told_twice(con, sorted({table for (table, _), n in beyond.items() if n}))
    found = [
        (*place, n, beyond[place], rows_before.get(place), beyond_before.get(place), examples.get(place))
        for place, n in sorted(rows.items())
    ]
    columns = ["table", "source_system", "rows", "doubled", "rows_before", "doubled_before", "rows_doubled_examples"]
    return pd.DataFrame(found, columns=columns, dtype=object)


def _rows(con: duckdb.DuckDBPyConnection, tables: Sequence[str], schema: str) -> _Counts:
    return _by_source(con, [f"SELECT '{table}', source_system, count(*) FROM {schema}.{table}" for table in tables])


def _beyond_first(con: duckdb.DuckDBPyConnection, tables: Sequence[str], schema: str) -> _Counts:
    counted = "SELECT '{0}', source_system, count(*) - count(DISTINCT hash({1})) FROM {2}.{0}"
    return _by_source(con, [counted.format(table, ", ".join(SAME[table]), schema) for table in tables])


def _by_source(con: duckdb.DuckDBPyConnection, selects: Sequence[str]) -> _Counts:
    if not selects:
        return {}
    query = " UNION ALL ".join(f"{select} GROUP BY source_system" for select in selects)
    return {(table, source): n for table, source, n in con.execute(query).fetchall()}


def _told_twice(con: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """One of each group of rows that tell the same, looked for among those of which a hash occurs twice."""
    selects = []
    for table in tables:
        told = f"source_system, {', '.join(SAME[table])}"
        hashed = f"SELECT hash({told}) AS h FROM golden.{table} GROUP BY h HAVING count(*) > 1"
        selects.append(
            f"SELECT '{table}', source_system, min(one, {_EXAMPLES}) FROM (SELECT source_system, max({_KEYS[table]}) AS one"
            f" FROM golden.{table} WHERE hash({told}) IN ({hashed}) GROUP BY {told} HAVING count(*) > 1) GROUP BY source_system"
        )
    found = con.execute(" UNION ALL ".join(selects)).fetchall() if selects else []
    return {(table, source): keys for table, source, keys in found}
