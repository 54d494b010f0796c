"""Rows as the text that databases load fastest. DuckDB writes it, column by column; Python passes the buffers on.

Each row is one text, made in SQL; an Arrow column of texts keeps them one after the other in memory, so its buffer is what goes
over the wire.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

from warehouse.targets.tables import TargetColumn

_ROWS_AT_A_TIME = 16_384


@dataclass(frozen=True)
class Wire:
    """How a system wants values spelt.

    Attributes:
        null: an unquoted NULL.
        boolean: SQL that spells a boolean, `{}` being its expression.
        zero: whether text may hold the character 0.
    """

    null: str
    boolean: str = "{}::VARCHAR"
    zero: bool = True


def text_of(column: TargetColumn, wire: Wire) -> str:
    """SQL for a column's value as text, NULL where it is."""
    name = f'"{column.name}"'
    if column.is_json:
        text = f"{name}::VARCHAR" if column.type == "JSON" else f"to_json({name})::VARCHAR"
        if wire.zero:
            return text
        # an escaped character 0; an even number of backslashes before it are backslashes themselves
        return f"regexp_replace({text}, '(^|[^\\\\])((?:\\\\\\\\)*)(?:\\\\u0000)+', '\\1\\2', 'g')"
    if column.type == "BOOLEAN":
        return wire.boolean.format(name)
    if column.type == "TIMESTAMP WITH TIME ZONE":
        return f"({name} AT TIME ZONE 'UTC')::VARCHAR"
    if column.is_text:
        return f"{name}::VARCHAR" if wire.zero else f"replace({name}::VARCHAR, chr(0), '')"
    return f"{name}::VARCHAR"


def csv(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[TargetColumn], wire: Wire) -> Iterator[memoryview]:
    """A relation's rows as lines of CSV, in UTF-8: text in double quotes, which are doubled within, other values bare."""
    line = " || ',' || ".join(_field(column, wire) for column in columns)
    for batch in con.sql(f"SELECT {line} || chr(10) AS line FROM {relation}").to_arrow_reader(_ROWS_AT_A_TIME):
        lines = batch.column(0)
        if len(lines):
            _, offsets, data = lines.buffers()
            ends = np.frombuffer(offsets, dtype=np.int32)
            yield memoryview(data)[ends[lines.offset] : ends[lines.offset + len(lines)]]


def _field(column: TargetColumn, wire: Wire) -> str:
    text = text_of(column, wire)
    if column.is_text or column.is_json:
        text = f"'\"' || replace({text}, '\"', '\"\"') || '\"'"
    return f"coalesce({text}, '{wire.null}')"


def rows(
    con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[TargetColumn], wire: Wire, at_a_time: int
) -> Iterator[list[tuple[Any, ...]]]:
    """The same rows as tuples of texts, so many at a time."""
    cursor = con.cursor()
    try:
        cursor.execute(f"SELECT {', '.join(text_of(column, wire) for column in columns)} FROM {relation}")
        while batch := cursor.fetchmany(at_a_time):
            yield batch
    finally:
        cursor.close()
