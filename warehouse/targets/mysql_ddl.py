"""How a table is written down for MySQL and MariaDB, whose keys may only be so long."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb

from warehouse.targets.tables import TargetColumn, TargetTable

_TYPES = {
    "boolean": "TINYINT(1)",
    "integer": "INT",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "date": "DATE",
    "time": "TIME(6)",
    "timestamp": "DATETIME(6)",
}
# InnoDB admits 3,072 bytes in a key, four of them a character
_KEY_CHARACTERS = 768
_LOOKED_UP = 191  # characters of a text that an index holds
_COMMENT, _TABLE_COMMENT = 1024, 2048


def name_of(name: str) -> str:
    """A quoted name."""
    return "`" + name.replace("`", "``") + "`"


def key_length(table: TargetTable) -> int:
    """Characters that each text of a table's key may have."""
    texts = [key for key in table.keys if not table.column(key).plain]
    # numbers and times in it take a few bytes each
    return (_KEY_CHARACTERS - 8 * (len(table.keys) - len(texts))) // max(len(texts), 1)


def fits(con: duckdb.DuckDBPyConnection, relation: str, table: TargetTable) -> bool:
    """Whether all keys of a relation are short enough to be looked up by."""
    texts = [key for key in table.keys if not table.column(key).plain]
    if not texts:
        return True
    longest = ", ".join(f'coalesce(max(length("{key}")), 0)' for key in texts)
    return bool(max(con.execute(f"SELECT {longest} FROM {relation}").fetchall()[0]) <= key_length(table))


def create(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    table: TargetTable,
    columns: Sequence[TargetColumn],
    collation: str,
    *,
    escape: Callable[[str], str] | None = None,
) -> str:
    """What stands after CREATE TABLE and the name.

    Args:
        relation: the rows that are to come; where their keys are too long, the table has no key and only the keys' beginnings
            are indexed.
        escape: makes a literal of a comment; without, there are no comments and no further indexes.
    """
    short = fits(con, relation, table)
    parts = [_column(table, column, short, escape) for column in columns]
    if table.keys:
        keys = ", ".join(_indexed(table, key, short) for key in table.keys)
        parts.append(f"PRIMARY KEY ({keys})" if short else f"INDEX ({keys})")
    if escape is None:
        return f"({', '.join(parts)}) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE {collation}"
    parts += [f"INDEX ({_indexed(table, name, short)})" for name in table.indexed if not table.column(name).is_json]
    comment = escape(table.comment[:_TABLE_COMMENT])
    return f"({', '.join(parts)}) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE {collation} COMMENT={comment}"


def _column(table: TargetTable, column: TargetColumn, short: bool, escape: Callable[[str], str] | None) -> str:
    in_key = column.name in table.keys and short
    # texts may be longer than a row of MySQL can be, so only keys are VARCHAR
    type_ = f"VARCHAR({key_length(table)})" if in_key and not column.plain else _type(column)
    null = " NOT NULL" if in_key else " NULL"
    comment = f" COMMENT {escape(column.comment[:_COMMENT])}" if escape is not None and column.comment else ""
    return f"{name_of(column.name)} {type_}{null}{comment}"


def _indexed(table: TargetTable, name: str, short: bool) -> str:
    """A column in an index; of a long text its beginning."""
    column = table.column(name)
    whole = column.plain or (short and name in table.keys)
    return name_of(name) if whole else f"{name_of(name)}({_LOOKED_UP})"


def _type(column: TargetColumn) -> str:
    if column.is_json:
        return "JSON"
    if column.plain is None:
        return "LONGTEXT"
    name, parameters = column.plain
    if name == "decimal":
        return f"DECIMAL({', '.join(map(str, parameters))})" if parameters else "DECIMAL(39, 0)"
    return _TYPES[name]
