"""How many threads DuckDB has in a test: one, as the workers of the suite share the cores and a test's tables are small.

With as many threads as there are cores a statement over a few rows takes a third more processor time. A test over so much data that
DuckDB divides it says so by the marker `all_cores`, and runs as a hub does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

_connect = duckdb.connect
_lifted: list[bool] = []


def _connect_with_one_thread(
    database: str | Path = ":memory:", read_only: bool = False, config: dict[str, Any] | None = None
) -> duckdb.DuckDBPyConnection:
    given = config or {}
    return _connect(database, read_only, given if _lifted else {"threads": 1, **given})


def install() -> None:
    """Give every connection of this process that is opened from now on one thread."""
    duckdb.connect = _connect_with_one_thread


@contextmanager
def all_cores() -> Iterator[None]:
    """Let connections that are opened meanwhile have as many threads as DuckDB chooses."""
    _lifted.append(True)
    try:
        yield
    finally:
        _lifted.pop()
