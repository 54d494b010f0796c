"""What tables, views and columns mean, as comments in a DuckDB file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb


@dataclass(frozen=True)
class Meaning:
    """What a table or view means, and its columns."""

    table: str
    columns: Mapping[str, str]


def describe(con: duckdb.DuckDBPyConnection, comments: Mapping[str, Meaning]) -> None:
    """Give the tables, views and columns of the current database their comments, where they do not have them."""
    kinds: dict[str, tuple[str, str | None]] = {
        f"{schema}.{name}": (kind, comment)
        for kind in ("TABLE", "VIEW")
        for schema, name, comment in con.execute(
            f"SELECT schema_name, {kind}_name, comment FROM duckdb_{kind}s() WHERE database_name = current_database()"
        ).fetchall()
    }
    columns = con.execute(
        "SELECT schema_name || '.' || table_name, column_name, comment FROM duckdb_columns()"
        " WHERE database_name = current_database() ORDER BY ALL"
    ).fetchall()
    for place, (kind, comment) in sorted(kinds.items()):
        if place in comments and comments[place].table != (comment or ""):
            con.execute(f"COMMENT ON {kind} {place} IS {_literal(comments[place].table)}")
    for place, column, comment in columns:
        meaning = comments[place].columns.get(column, "") if place in comments else ""
        if meaning and meaning != comment:
            con.execute(f'COMMENT ON COLUMN {place}."{column}" IS {_literal(meaning)}')


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
