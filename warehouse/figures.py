"""The figures of a load that later loads are compared with: rows, filled columns, currencies and amounts, per table and source.

They are counts and medians, kept in the control store (`load_figure`) long after the load's file is gone. What they mean for the
gate is not known here. `arrived` figures are of rows that are new or changed in this load.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb

from hub.contract.columns import FACTS, MONEY
from hub.contract.tables import StagingTable

# what of a party is worth watching: by it people are found and reached
PARTY_COLUMNS = (
    *("full_name", "company_name", "email_norm", "phone_e164", "address_line1", "city", "postal_code", "country_code"),
    *("birth_date", "tax_id"),
)
_MIN_MEDIAN = 30  # a median of fewer amounts says little


class Figure(NamedTuple):
    """One figure. `column` is a column, a column and a currency (``gross_amount EUR``), or empty for the table as a whole."""

    table: str
    source: str
    column: str
    measure: str
    value: float


def load_figures(con: duckdb.DuckDBPyConnection, *, load_id: str, run_id: str) -> list[Figure]:
    """Measure the candidate; in a fixed order.

    Args:
        load_id: what rows that changed in this load are stamped with.
        run_id: the candidate's resolution run.
    """
    figures = _filled(con, "staging.party_record", "party_record", PARTY_COLUMNS, where="NOT is_deleted", arrived=None)
    there = _columns(con)
    for table in FACTS:
        columns = [column.name for column in table.columns if (table.name, column.name) in there]
        figures += _filled(con, f"golden.{table.name}", table.name, columns, where="true", arrived=load_id)
        if MONEY[table.name]:
            figures += _amounts(con, table, load_id)
    return sorted({*figures, *_identity(con, run_id)})


def _columns(con: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """Tables and columns of the candidate's golden tables."""
    rows = con.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = current_database() AND schema_name = 'golden'"
    ).fetchall()
    return {(table, column) for table, column in rows}


def _filled(
    con: duckdb.DuckDBPyConnection, relation: str, table: str, columns: Sequence[str], *, where: str, arrived: str | None
) -> list[Figure]:
    """Rows, and how many of them have each column filled."""
    now = "load_id = $load" if arrived else "false"
    counts = ", ".join(f'count("{c}") AS "{c}", count("{c}") FILTER ({now}) AS "{c}__arrived"' for c in columns)
    rows = con.execute(
        f"SELECT source_system, count(*) AS n, count(*) FILTER ({now}) AS arrived, {counts} FROM {relation}"
        f" WHERE {where} GROUP BY source_system ORDER BY source_system",
        {"load": arrived} if arrived else {},
    ).fetchall()
    figures = []
    for source, n, fresh, *filled in rows:
        figures.append(Figure(table, source, "", "rows", n))
        figures += [Figure(table, source, c, "filled", value) for c, value in zip(columns, filled[::2], strict=True)]
        if arrived:
            figures.append(Figure(table, source, "", "arrived", fresh))
            figures += [Figure(table, source, c, "arrived_filled", value) for c, value in zip(columns, filled[1::2], strict=True)]
    return figures


def _amounts(con: duckdb.DuckDBPyConnection, table: StagingTable, load_id: str) -> list[Figure]:
    """Rows per currency, and medians of their amounts other than 0: of all rows and of those that arrived."""
    measures = {"median": "true", "arrived_median": "load_id = $load"}
    wanted = [(column, measure) for column in MONEY[table.name] for measure in measures]
    selects = [
        f'median("{column}") FILTER ({where})::DOUBLE, count(*) FILTER ({where})'
        for column, where in ((c, f'"{c}" <> 0 AND {measures[measure]}') for c, measure in wanted)
    ]
    rows = con.execute(
        f"SELECT source_system, currency, count(*), count(*) FILTER (load_id = $load), {', '.join(selects)}"
        f" FROM golden.{table.name} WHERE currency IS NOT NULL GROUP BY source_system, currency ORDER BY ALL",
        {"load": load_id},
    ).fetchall()
    figures = []
    for source, currency, n, fresh, *found in rows:
        figures.append(Figure(table.name, source, f"currency {currency}", "rows", n))
        figures.append(Figure(table.name, source, f"currency {currency}", "arrived", fresh))
        figures += [
            Figure(table.name, source, f"{column} {currency}", measure, value)
            for (column, measure), value, amounts in zip(wanted, found[::2], found[1::2], strict=True)
            if amounts >= _MIN_MEDIAN
        ]
    return figures


def _identity(con: duckdb.DuckDBPyConnection, run_id: str) -> list[Figure]:
    """How records become customers: records per customer, the share of linked records, and the sizes of customers."""
    rows = con.execute(
        """WITH size AS (SELECT customer_id, count(*) AS n FROM identity.customer_xref WHERE is_current GROUP BY customer_id)
           SELECT coalesce(sum(n), 0), count(*), coalesce(sum(n) FILTER (n > 1), 0), count(*) FILTER (n >= 5),
             (SELECT largest_cluster FROM identity.resolution_run WHERE run_id = ?)
           FROM size""",
        [run_id],
    ).fetchall()
    measures = ("records", "customers", "linked_records", "large_customers", "largest_customer")
    return [Figure("customer", "", "", name, float(value or 0)) for name, value in zip(measures, rows[0], strict=True)]
