"""The control store as one file of a backup: an SQLite database, whatever the store itself is, and back."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from hub.contract.errors import WarehouseAccessError
from warehouse import control_tables as t

_BATCH = 1_000


def copy_to_file(control: sa.Engine, path: Path) -> None:
    """Write the whole store, as it was at one moment, to a new SQLite file."""
    isolation = {} if control.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    file = sa.create_engine(f"sqlite:///{path}")
    try:
        t.metadata.create_all(file)
        with control.connect().execution_options(**isolation) as source, source.begin(), file.begin() as target:
            for table in t.metadata.sorted_tables:
                _copy(source, target, table)
    finally:
        file.dispose()


def copy_from_file(path: Path, control: sa.Engine, *, replace: bool) -> None:
    """Fill a store from such a file, in one transaction.

    Raises:
        WarehouseAccessError: the store holds something and `replace` was not asked for.
    """
    file = sa.create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
    try:
        t.metadata.create_all(control)
        with file.connect() as source, control.begin() as target:
            there = set(sa.inspect(file).get_table_names())
            for table in t.metadata.sorted_tables:
                if target.execute(sa.select(sa.func.count()).select_from(table)).scalar_one():
                    if not replace:
                        raise WarehouseAccessError(
                            "the control store is in use already", remedy="restore with --replace, which forgets what it holds"
                        )
                    target.execute(sa.delete(table))
                if table.name in there:
                    _copy(source, target, table)
    finally:
        file.dispose()


def _copy(source: sa.Connection, target: sa.Connection, table: sa.Table) -> None:
    known = {column["name"] for column in sa.inspect(source).get_columns(table.name)}
    columns = [column for column in table.columns if column.name in known]
    rows = source.execution_options(stream_results=True).execute(sa.select(*columns)).mappings()
    for batch in rows.partitions(_BATCH):
        target.execute(sa.insert(table), [dict(row) for row in batch])
