"""How names, texts and columns are written down for PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from warehouse.targets.tables import TargetColumn, TargetTable

_TYPES = {
    "boolean": "boolean",
    "integer": "integer",
    "bigint": "bigint",
    "double": "double precision",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
}


def name_of(name: str) -> str:
    """A quoted name."""
    return '"' + name.replace('"', '""') + '"'


def names_of(names: Iterable[str]) -> str:
    """Quoted names in a row."""
    return ", ".join(name_of(name) for name in names)


def literal(value: str) -> str:
    """A text as a literal."""
    return "'" + value.replace("\x00", "").replace("'", "''") + "'"


def staged(table: TargetTable) -> str:
    """Where the rows of a table come to lie beside it."""
    return f"pg_temp.{name_of(f'staged_{table.schema}_{table.name}')}"


def own(table: TargetTable, what: str) -> str:
    """The name of an index or constraint of ours; names are cut at 63 bytes, so that long ones end in a digest."""
    name = f"hub_{table.name}_{what}"
    if len(name) > 60:
        name = f"{name[:50]}_{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
    return name_of(name)


def columns_ddl(columns: Iterable[TargetColumn]) -> str:
    """Columns as CREATE TABLE has them."""
    return ", ".join(f"{name_of(column.name)} {_type(column)}" for column in columns)


def _type(column: TargetColumn) -> str:
    if column.is_json:
        return "jsonb"
    if column.plain is None:
        return "text"
    name, parameters = column.plain
    if name == "decimal":
        return f"numeric({', '.join(map(str, parameters))})" if parameters else "numeric(39, 0)"
    return _TYPES[name]
