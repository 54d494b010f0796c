"""The working warehouse's schema: made on first use, checked on every later one.

The schema has a version; a warehouse of a newer version is refused rather than misread. An older one is brought up in one
transaction: what is missing is made, and what the staging of newer mappings fills is staged again from raw because their digests
differ. Steps that take more than that go here.
"""

from __future__ import annotations

import duckdb

from hub.contract.columns import FACTS
from hub.contract.errors import WarehouseAccessError
from hub.contract.tables import SQL_TYPE, StagingTable
from warehouse.sql import statement

# 1: the first
# 2: order lines, refunds, ad groups and ads; where orders came from; how tickets were answered
# 3: records that their source merged, and the company a party belongs to; what a review task is worth
# 4: whether the source verified an e-mail
# 5: where the clicks of an ad lead
# 6: echoes of our own writing
# 7: consent
VERSION = 7
_SCRIPTS = ("working", "staging", "identity", "customer_redirect")
# columns that came to tables of the scripts, which are not made anew where they are
_ADDED = (
    ("staging.party_record", "merged_into", "VARCHAR"),
    ("staging.party_record", "account_id", "VARCHAR"),
    ("staging.party_record", "email_verified", "BOOLEAN"),
    ("identity.review_task", "worth", "DOUBLE"),
    ("identity.review_task", "records_l", "BIGINT"),
    ("identity.review_task", "records_r", "BIGINT"),
)


def migrate(con: duckdb.DuckDBPyConnection) -> None:
    """Bring an open working warehouse to this version's schema. Raises `WarehouseAccessError` if it is newer than that."""
    found = version_of(con)
    if found == VERSION:
        return
    if found is not None and found > VERSION:
        raise WarehouseAccessError(
            f"the warehouse has schema version {found}, this hub knows {VERSION}",
            remedy="use the hub version that made it, or a newer one",
        )
    con.execute("BEGIN")
    for script in _SCRIPTS:
        con.execute(statement(script))
    for table in FACTS:
        con.execute(fact_ddl(table))
    if found is not None:
        _add_columns(con)
    if found is not None and found < 3:
        _stage_merges_again(con)
    con.execute("DELETE FROM ops.schema_version")
    con.execute("INSERT INTO ops.schema_version VALUES (?)", [VERSION])
    con.execute("COMMIT")


def _add_columns(con: duckdb.DuckDBPyConnection) -> None:
    """Make the columns that came after a table was made."""
    of_facts = [(f"staging.{table.name}", *column) for table in FACTS for column in fact_columns(table)]
    for table, name, type_ in (*of_facts, *_ADDED):
        con.execute(f'ALTER TABLE {table} ADD COLUMN IF NOT EXISTS "{name}" {type_}')


def _stage_merges_again(con: duckdb.DuckDBPyConnection) -> None:
    """Versions before 3 took a record merged at its source for a deleted one; streams that have such are staged again."""
    query = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw' AND contains(table_name, '__')"
    for (name,) in con.execute(query).fetchall():
        if con.execute(f"SELECT count(*) FROM (SELECT 1 FROM raw.\"{name}\" WHERE op = 'merge' LIMIT 1)").fetchall()[0][0]:
            con.execute("DELETE FROM ops.staging_state WHERE source_system || '__' || stream = ?", [name])


def version_of(con: duckdb.DuckDBPyConnection) -> int | None:
    """The schema version of an open warehouse; None before the first migration."""
    try:
        rows = con.execute("SELECT version FROM ops.schema_version").fetchall()
    except duckdb.CatalogException:
        return None  # it was just made
    return int(rows[0][0]) if rows else None


def fact_columns(table: StagingTable) -> list[tuple[str, str]]:
    """Name and SQL type of a fact table's columns in staging, in order."""
    leading = [
        (table.key, "VARCHAR"),
        ("party_record_key", "VARCHAR"),
        ("source_system", "VARCHAR"),
        ("stream", "VARCHAR"),
        ("source_record_id", "VARCHAR"),
    ]
    own = [
        (column.name, SQL_TYPE[column.type])
        for column in table.columns
        if column.name not in ("party_id", "party_stream", "created_at")
    ]
    trailing = [
        ("source_created_at", "TIMESTAMP"),
        ("source_updated_at", "TIMESTAMP"),
        ("sync_run_id", "VARCHAR"),
        ("payload_hash", "VARCHAR"),
    ]
    return [*leading, *own, *trailing]


def fact_ddl(table: StagingTable) -> str:
    """CREATE TABLE for a fact table in staging."""
    columns = ", ".join(f'"{name}" {type_}{" PRIMARY KEY" if name == table.key else ""}' for name, type_ in fact_columns(table))
    return f"CREATE TABLE IF NOT EXISTS staging.{table.name} ({columns})"
