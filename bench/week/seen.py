"""What the two hubs of a week must have in common at its end: who is who, and what golden tables tell of them.

The one hub learnt of a day's records in one load, the other of a failing source's a day later. So loads, times at which the hub
learnt of something, and the history of what it believed may differ; a customer is told by its records, not by its ID.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from pipelines.config import load_config
from warehouse.connection import connect

# tables that tell of the hub's own course of knowledge
_OF_ITS_COURSE = ("customer_history", "segment_member", "reporting", "attribute_override")
_LEFT_OUT = ("load_id",)


def customers(root: Path) -> dict[str, frozenset[str]]:
    """The records of each customer."""
    with _published(root) as con:
        rows = con.execute(
            "SELECT customer_id, list(record_key) FROM identity.customer_xref WHERE is_current GROUP BY 1"
        ).fetchall()
    return {customer: frozenset(records) for customer, records in rows}


def contents(root: Path) -> dict[str, Counter[tuple[Any, ...]]]:
    """Rows of the golden tables, with customers named by the least of their records."""
    names = {customer: f"customer of {min(records)}" for customer, records in customers(root).items()}
    found = {}
    with _published(root) as con:
        tables = con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'golden' ORDER BY 1").fetchall()
        for (table,) in tables:
            if table in _OF_ITS_COURSE:
                continue
            rows = con.execute(f"SELECT * EXCLUDE ({', '.join(_LEFT_OUT)}) FROM golden.{table}").fetchall()
            found[table] = Counter(tuple(_told(value, names) for value in row) for row in rows if not _is_led_on(table, row))
    return found


def differences(one: Path, other: Path) -> list[str]:
    """One line per table in which the hubs differ."""
    lines = []
    ours, theirs = set(customers(one).values()), set(customers(other).values())
    if ours != theirs:
        lines.append(
            f"customers: {len(ours - theirs)} of {len(ours)} are other sets of records: {sorted(map(sorted, ours - theirs))[:2]}"
        )
    first, second = contents(one), contents(other)
    for table in sorted(first.keys() | second.keys()):
        missing, extra = first[table] - second[table], second[table] - first[table]
        if missing or extra:
            shown = [*(f"- {row}" for row in sorted(missing, key=repr)[:2]), *(f"+ {row}" for row in sorted(extra, key=repr)[:2])]
            lines.append(f"golden.{table}: {missing.total()} rows missing, {extra.total()} extra\n  " + "\n  ".join(shown))
    return lines


def _is_led_on(table: str, row: tuple[Any, ...]) -> bool:
    """A customer that leads to another is an ID that was given out and is no more: such may be in one hub alone."""
    return table == "customer" and row[1] == "merged"


def _told(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, (list, dict)):
        return repr(value)
    return value


def _published(root: Path) -> duckdb.DuckDBPyConnection:
    return connect(load_config(root / "hub.yaml").warehouse.golden.resolve(), read_only=True)
