"""The SELECTs of a reading: all columns of a table or query, in an order in which it can go on after any row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from connectors.databases.settings import SqlStream
from connectors.databases.system import bound

Condition = sa.ColumnElement[bool]


def rows_of(stream: SqlStream) -> sa.FromClause:
    """What the rows are selected from."""
    if stream.query is not None:
        # a colon would begin a parameter; a comment at the end would hide the bracket that follows
        return sa.text(stream.query.replace(":", r"\:") + "\n").columns().subquery("hub_query")
    *schema, name = stream.parts
    return sa.table(name, schema=".".join(schema) or None)


def everything(stream: SqlStream, *conditions: Condition, order: Sequence[str] = ()) -> sa.Select[Any]:
    """All columns of the rows that meet the conditions."""
    chosen: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(rows_of(stream))
    return chosen.where(*conditions).order_by(*(sa.column(name) for name in order))


def count(stream: SqlStream, *conditions: Condition) -> sa.Select[Any]:
    """How many rows meet the conditions."""
    return sa.select(sa.func.count()).select_from(rows_of(stream)).where(*conditions)


def from_row(columns: Sequence[str], values: Sequence[Any], *, nulls: bool) -> Condition:
    """Rows at or after a row in the order of columns.

    The row itself is read again: its ID may be not as unique as hub.yaml says, nor text as distinct as its collation makes it.

    Args:
        nulls: whether the columns may be NULL; such rows are read too, wherever the database sorts them.
    """
    column: sa.ColumnClause[Any] = sa.column(columns[0])
    value = bound(values[0])
    beyond = sa.or_(column > value, column.is_(None)) if nulls else column > value
    if len(columns) == 1:
        return sa.or_(column >= value, column.is_(None)) if nulls else column >= value
    return sa.or_(beyond, sa.and_(column == value, from_row(columns[1:], values[1:], nulls=nulls)))


def from_cursor(updated_at: str, ids: Sequence[str], at: Sequence[Any]) -> Condition:
    """Rows at or after a row in the order of cursor and ID."""
    cursor: sa.ColumnClause[Any] = sa.column(updated_at)
    value = bound(at[0])
    same = sa.and_(cursor == value, from_row(ids, at[1:], nulls=True))
    # the first condition says nothing new, but an index can be searched by it
    return sa.and_(cursor >= value, sa.or_(cursor > bound(at[0]), same))
