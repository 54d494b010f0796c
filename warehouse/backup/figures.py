"""What a restored hub must hold again: rows of each table, and digests of which record is which customer.

By MD5, which is the same in every version of DuckDB; its own hash need not be.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import sqlalchemy as sa

from warehouse import control_tables as t
from warehouse.audit import HEAD
from warehouse.connection import connect

AUDIT_HEAD = "control store: head of the audit log"

_DIGESTS = {
    "customer IDs of the records": ("identity.customer_xref", "record_key, customer_id, is_current"),
    "customer IDs ever issued": ("identity.customer_registry", "customer_id, status, current_customer_id"),
}


def figures(path: Path, what: str) -> dict[str, str]:
    """Rows per table and digests of a DuckDB file, by a name that begins with `what`."""
    con = connect(path, read_only=True)
    try:
        tables = con.execute(
            "SELECT schema_name || '.' || table_name, '\"' || schema_name || '\".\"' || table_name || '\"' FROM duckdb_tables()"
            " WHERE database_name = current_database() AND NOT temporary ORDER BY 1"
        ).fetchall()
        found = {f"{what}: rows of {name}": _one(con, f"SELECT count(*) FROM {quoted}") for name, quoted in tables}
        names = {name for name, _ in tables}
        for title, (table, columns) in _DIGESTS.items():
            if table in names:
                found[f"{what}: {title}"] = _one(
                    con, f"SELECT coalesce(bit_xor(md5_number(concat_ws('|', {columns}))), 0) FROM {table}"
                )
        return found
    finally:
        con.close()


def control_figures(path: Path) -> dict[str, str]:
    """The head of the audit log in a copy of the control store, which nobody who can write the store has a hand in."""
    engine = sa.create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as con:
            head = con.execute(sa.select(t.setting.c.value).where(t.setting.c.name == HEAD)).scalar()
        return {} if head is None else {AUDIT_HEAD: head}
    finally:
        engine.dispose()


def _one(con: duckdb.DuckDBPyConnection, query: str) -> str:
    return str(con.execute(query).fetchall()[0][0])
