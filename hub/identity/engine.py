"""Where a full linkage does its heavy part: which pairs there are, how they compare, which of them link.

Every engine runs the packaged SQL of blocking and comparison, so that all find the same pairs, patterns and weights. What an engine
is told and what it leaves are temporary tables of the working warehouse. Training and clustering are none of its affairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from hub.identity import state
from hub.identity.blocking import block
from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, run
from hub.identity.weighing import link


class Engine(Protocol):
    """The heavy part of one linkage; ``compare`` comes first, ``link`` may be asked once for every model that is tried."""

    def compare(self, con: Connection, settings: IdentitySettings) -> int:
        """Makes id_pair (l < r, node IDs) and id_compared (l, r, vector) from id_node and id_term, and keeps the blocking keys.

        Returns:
            the number of candidate pairs.
        """

    def link(self, con: Connection) -> None:
        """Makes id_link (l, r, weight), the pairs with a positive weight, from what was compared and id_weight."""


class InWarehouse:
    """DuckDB: the working warehouse itself."""

    def compare(self, con: Connection, settings: IdentitySettings) -> int:
        """As ``Engine`` says."""
        pairs = block(con, settings)
        state.save_blocks(con)
        run(con, "compare", {"pairs": "id_pair", "compared": "id_compared"})
        return pairs

    def link(self, con: Connection) -> None:
        """As ``Engine`` says."""
        link(con)


@contextmanager
def engine_of(settings: IdentitySettings) -> Iterator[Engine]:
    """The engine that ``identity.engine`` names, ready for one linkage.

    Raises:
        ConfigError: it cannot be started; says what is missing.
    """
    if settings.engine == "spark":
        from hub.identity.spark import on_spark  # an optional extra: neither it nor Java is needed otherwise

        with on_spark(settings.spark) as engine:
            yield engine
    else:
        yield InWarehouse()
