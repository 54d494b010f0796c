"""What differs between database systems: how a reading is begun, what time it is there, and how values come.

A reading is one read-only transaction with one view of the data. `open_since` says from when on a change may not be visible to it:
the server's clock before that view was taken, or when the oldest transaction began that was open then, whichever is earlier. What
is committed later than its own time can so not fall behind the cursor, wherever the server tells us of open transactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from connectors.databases import values
from connectors.databases.blocks import Blocks
from connectors.databases.values import Converter
from connectors.databases.whole import Copy

APPLICATION = "customer-hub"


class System:
    """Any database that SQLAlchemy knows. Its clock is not known, so ours stands in for it."""

    extra: str | None = None  # extra of this package that brings the driver

    def engine_options(self, timeout: float) -> dict[str, Any]:
        """Arguments of create_engine."""
        return {}

    def open_since(self, con: sa.Connection) -> datetime:
        """See above."""
        return datetime.now(UTC)

    def begin(self, con: sa.Connection) -> None:
        """Begin the reading's transaction."""

    def converters(self, description: Sequence[Any]) -> list[Converter | None]:
        """For each column how its values become JSON; None: as they are."""
        return [values.anything] * len(description)

    def temporal(self, column: Any) -> bool:
        """Whether a column's values are times that come as text."""
        return False

    def decimal(self, column: Any) -> bool:
        """Whether a column's values are decimals that come as text."""
        return False

    def no_time(self, column: sa.ColumnElement[Any], described: Any) -> sa.ColumnElement[bool]:
        """Which rows bear no time of a change that could be compared."""
        return column.is_(None)

    def copy(self, con: sa.Connection, statement: sa.Select[Any], description: Sequence[Any]) -> Copy | None:
        """The rows of a statement as the text of its columns; None where the system does not give them so."""
        return None

    def blocks(self, con: sa.Connection, parts: tuple[str, ...], ids: tuple[str, ...]) -> Blocks | None:
        """How a table's rows lie, see `connectors.databases.blocks`; None where the system does not say."""
        return None

    def give_up(self, con: sa.Connection) -> None:
        """Make a COPY that another thread waits for end soon."""

    def abandon(self, con: sa.Connection, result: sa.CursorResult[Any], driver_cursor: Any) -> None:
        """Let go of a result that was not read to its end."""
        result.close()


def bound(value: Any) -> sa.BindParameter[Any]:
    """A value to compare a column with; the server takes it as being of the column's type."""
    return sa.bindparam(None, value, type_=sa.types.NullType(), unique=True)
