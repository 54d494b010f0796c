from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.hub.parties import warehouse


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory working warehouse."""
    made = warehouse()
    yield made
    made.close()
