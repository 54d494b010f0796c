"""Copies of the control store's tables in the warehouse, so that a published load explains itself to whoever opens it."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from warehouse import control_tables as t
from warehouse.control import ControlStore
from warehouse.differences import PublishedTable
from warehouse.privacy_tables import suppression
from warehouse.writeback_tables import writeback_echo

# schema of the copy -> tables
COPIES: dict[str, tuple[sa.Table, ...]] = {
    "quality": (t.quarantine, t.check_result, t.gate_decision, t.gate_override, t.reconciliation),
    "ops": (t.sync_run, t.schema_change, t.load_batch, t.audit_log),
}
# what a load is made from: copied when it is begun, and left alone until it is published, whatever is decided meanwhile
DECIDED: dict[str, tuple[sa.Table, ...]] = {
    "identity": (t.match_decision,),
    "steward": (t.attribute_override, suppression),
}
# echoes of our own writing: staging takes them for none
ECHOES: dict[str, tuple[sa.Table, ...]] = {"ops": (writeback_echo,)}
CARRIED: tuple[PublishedTable, ...] = tuple(
    PublishedTable(schema, table.name, tuple(column.name for column in table.primary_key))
    for schema, tables in COPIES.items()
    for table in tables
)


def _type(column: sa.Column[object]) -> str:
    if "duckdb" in column.info:
        return str(column.info["duckdb"])
    match column.type:
        case sa.Boolean():
            return "BOOLEAN"
        case sa.BigInteger():
            return "BIGINT"
        case sa.Float():
            return "DOUBLE"
        case sa.DateTime():
            return "TIMESTAMP"
        case _:
            return "VARCHAR"


def copy_control(con: duckdb.DuckDBPyConnection, control: ControlStore) -> None:
    """Make the warehouse's copies of what happened equal to the control store's tables."""
    _copy(con, control, COPIES)


def copy_decisions(con: duckdb.DuckDBPyConnection, control: ControlStore) -> None:
    """Make the warehouse's copies of what people decided equal to the control store's tables."""
    _copy(con, control, DECIDED)


def copy_echoes(con: duckdb.DuckDBPyConnection, control: ControlStore) -> None:
    """Make the warehouse's copy of the write-back's echoes equal to the control store's table."""
    _copy(con, control, ECHOES)


def _copy(con: duckdb.DuckDBPyConnection, control: ControlStore, copies: dict[str, tuple[sa.Table, ...]]) -> None:
    for schema, tables in copies.items():
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for table in tables:
            # not as a frame: most of these tables are small, and pandas takes longer over one than DuckDB does
            con.register("control_rows", pa.table({name: pa.array(values) for name, values in control.columns(table).items()}))
            casts = ", ".join(f'CAST("{c.name}" AS {_type(c)}) AS "{c.info.get("copied_as", c.name)}"' for c in table.columns)
            try:
                con.execute(f"CREATE OR REPLACE TABLE {schema}.{table.name} AS SELECT {casts} FROM control_rows")
            finally:
                con.unregister("control_rows")
