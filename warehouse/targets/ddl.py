"""What all targets have in common: the table in which one keeps what it was given, and what is checked before it is touched."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hub.contract.errors import TargetError
from warehouse.targets.changes import TableState
from warehouse.targets.tables import TargetColumn, TargetTable

_COLUMNS = ("table_name", "owner", "load_id", "content_digest", "shape", "meaning", "row_count")
STATE = TargetTable("ops", "hub_published", tuple(TargetColumn(name, "VARCHAR", "") for name in _COLUMNS), (), (), "")


class Drifted(Exception):
    """A table in the target is not what the target said it was; somebody else wrote to it."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table


def as_state(row: Sequence[Any]) -> tuple[str, TableState]:
    """A row of the state table."""
    table, _, load_id, content, shape, meaning, rows = row
    return str(table), TableState(load_id, content, shape, meaning, int(rows))


def state_row(table: str, owner: str, state: TableState) -> tuple[str, ...]:
    """What is written to the state table."""
    return (table, owner, state.load_id, state.content, state.shape, state.meaning, str(state.rows))


def foreign_owner(owners: Collection[str], owner: str, name: str) -> None:
    """Raise `TargetError` if another hub publishes there: the two would take turns replacing each other's customers."""
    if set(owners) - {owner}:
        raise TargetError(
            "the tables there are another hub's",
            field=f"publish.{name}",
            remedy="give this hub a schema_prefix or a database of its own",
        )


def in_the_way(there: Collection[str], states: Mapping[str, TableState], name: str, prefix: str) -> None:
    """Raise `TargetError` if a table has the name of one of ours but was not made by a hub; it may be somebody's work."""
    strange = sorted(table for table in there if table not in states)
    if strange:
        raise TargetError(
            f"table {prefix}{strange[0]} is there already and was not made by this hub",
            field=f"publish.{name}",
            remedy="rename or drop it, or set schema_prefix",
        )
