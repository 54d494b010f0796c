"""Columns as the Dagster UI shows them: type, meaning and sensitivity, and from which columns of which asset a golden one is made.

The lineage follows from what the build declares: a golden attribute names the staged columns it is read from, and a golden fact
keeps the columns of the staged one under their names. What is computed out of several facts has none here; its meaning says how.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import dagster as dg

from hub.contract.columns import TABLES as STAGING_TABLES
from hub.golden.attributes import ATTRIBUTES
from hub.golden.dictionary import table_docs
from pipelines.context import Hub
from warehouse.connection import writer

XREF = dg.AssetKey(["identity", "customer_xref"])
Columns = Sequence[tuple[str, str]]
_STAGED = """
SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = current_database() AND schema_name = 'staging'
ORDER BY table_name, column_index
"""
# what golden facts do not keep as it was staged: refunds are counted once, over all systems that tell of them
_COMPUTED = {("customer_order", "refund_amount")}


def staged_columns(hub: Hub) -> dict[str, list[tuple[str, str]]]:
    """The columns of each staging table as they are in the working warehouse, with their types."""
    found: dict[str, list[tuple[str, str]]] = {table: [] for table in STAGING_TABLES}
    with writer(hub.config.warehouse) as con:
        for table, column, type_ in con.execute(_STAGED).fetchall():
            found.setdefault(table, []).append((column, type_))
    return found


def staging_schema(table: str, columns: Columns) -> dg.TableSchema:
    """The columns of a staging table, with what the canonical ones mean."""
    told = {column.name: column.description for column in STAGING_TABLES[table].columns}
    return dg.TableSchema([dg.TableColumn(name, type_, told.get(name) or None) for name, type_ in columns])


def golden_schema(table: str, columns: Columns) -> dg.TableSchema:
    """The columns of a golden table with their meaning, and how sensitive each is as a tag."""
    doc = table_docs().get(table)
    told = {column.name: column for column in doc.columns} if doc else {}
    return dg.TableSchema(
        [
            dg.TableColumn(name, type_, told[name].description, tags={"sensitivity": told[name].sensitivity})
            if name in told
            else dg.TableColumn(name, type_)
            for name, type_ in columns
        ]
    )


def golden_lineage(table: str, columns: Columns, staged: Mapping[str, Columns]) -> dg.TableColumnLineage:
    """From which columns of staging and of the crosswalk those of a golden table are made."""
    own = {name for name, _ in staged.get(table, ())}
    party = {name for name, _ in staged["party_record"]}
    deps: dict[str, list[dg.TableColumnDep]] = {}
    for name, _ in columns:
        if name == "customer_id":
            deps[name] = [dg.TableColumnDep(XREF, name)]
        elif table == "customer":
            deps[name] = [_of("party_record", column) for column in sorted(_read_for(name) & party)]
        elif name in own and (table, name) not in _COMPUTED:
            deps[name] = [_of(table, name)]
    return dg.TableColumnLineage({name: found for name, found in deps.items() if found})


def _of(table: str, column: str) -> dg.TableColumnDep:
    return dg.TableColumnDep(dg.AssetKey(["staging", table]), column)


def _read_for(attribute: str) -> set[str]:
    """The staged columns that the value of a golden attribute is read from."""
    values = [member.value for one in ATTRIBUTES.values() for member in one.members if member.name == attribute]
    return {column for value in values for column in re.findall(r"\bp\.(\w+)", value)}
