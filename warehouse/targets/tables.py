"""What travels: the tables of a published load with columns, keys, indexes and comments, and how a shape is written down."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb


@dataclass(frozen=True)
class TableSpec:
    """A table or view of a published load, as whoever publishes describes it.

    Attributes:
        keys: columns that tell its rows apart; without any, it is replaced whole when it changed.
        indexed: columns that are looked up, where the table has them.
        columns: column -> its meaning.
    """

    schema: str
    name: str
    keys: tuple[str, ...] = ()
    indexed: tuple[str, ...] = ()
    comment: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class TargetColumn:
    """A column: its type in DuckDB's words, and its meaning."""

    name: str
    type: str
    comment: str

    @property
    def is_json(self) -> bool:
        """Lists, maps and structs travel as JSON, as JSON does."""
        return self.type == "JSON" or self.type.endswith("]") or self.type.startswith(("MAP(", "STRUCT(", "UNION("))

    @property
    def is_text(self) -> bool:
        """Whether it is text in the target too; a type that no target knows is."""
        return not self.is_json and self.plain is None

    @property
    def plain(self) -> tuple[str, tuple[int, ...]] | None:
        """The type's name and parameters if targets have one like it."""
        name, _, inside = self.type.partition("(")
        if name not in _PLAIN:
            return None
        return _PLAIN[name], tuple(int(number) for number in re.findall(r"\d+", inside))


# DuckDB's types -> those that each target spells its own way
_PLAIN = {
    "BOOLEAN": "boolean",
    "TINYINT": "integer",
    "SMALLINT": "integer",
    "INTEGER": "integer",
    "UTINYINT": "integer",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "BIGINT": "bigint",
    "UBIGINT": "decimal",
    "HUGEINT": "decimal",
    "UHUGEINT": "decimal",
    "DECIMAL": "decimal",
    "FLOAT": "double",
    "DOUBLE": "double",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}


@dataclass(frozen=True)
class TargetTable:
    """A table as a target is to have it."""

    schema: str
    name: str
    columns: tuple[TargetColumn, ...]
    keys: tuple[str, ...]
    indexed: tuple[str, ...]
    comment: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> TargetColumn:
        """One of its columns."""
        return next(column for column in self.columns if column.name == name)

    @property
    def shape(self) -> str:
        """Columns, keys and indexes in writing; a table of another shape is not brought up to date row by row."""
        columns = {column.name: column.type for column in self.columns}
        return json.dumps({"columns": columns, "keys": self.keys, "indexed": self.indexed}, separators=(",", ":"))

    @property
    def meaning(self) -> str:
        """All comments in writing."""
        return json.dumps([self.comment, *(column.comment for column in self.columns)], ensure_ascii=False)


def columns_of(shape: str) -> dict[str, str]:
    """Name and type of the columns in a shape."""
    found: dict[str, Any] = json.loads(shape)
    return dict(found["columns"])


def tables_in(con: duckdb.DuckDBPyConnection, catalog: str, specs: Sequence[TableSpec]) -> list[TargetTable]:
    """The described tables that an attached load has, in the order of the descriptions. Views count: they travel as tables."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, table, column, type_ in con.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = ?"
        " ORDER BY schema_name, table_name, column_index",
        [catalog],
    ).fetchall():
        found.setdefault((schema, table), []).append((column, type_))
    return [_table(spec, found[spec.schema, spec.name]) for spec in specs if (spec.schema, spec.name) in found]


def _table(spec: TableSpec, columns: Sequence[tuple[str, str]]) -> TargetTable:
    names = [name for name, _ in columns]
    keys = spec.keys if set(spec.keys) <= set(names) else ()
    # a key is an index of its first column
    indexed = tuple(name for name in spec.indexed if name in names and name not in keys[:1])
    return TargetTable(
        spec.schema,
        spec.name,
        tuple(TargetColumn(name, type_, spec.columns.get(name, "")) for name, type_ in columns),
        keys,
        indexed,
        spec.comment,
    )
