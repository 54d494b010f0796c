from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from warehouse.connection import writer
from warehouse.settings import WarehouseSettings


@pytest.fixture
def settings(tmp_path: Path) -> WarehouseSettings:
    return WarehouseSettings(lock_timeout_seconds=0.3).resolved(tmp_path)


@pytest.fixture
def con(settings: WarehouseSettings) -> Iterator[duckdb.DuckDBPyConnection]:
    with writer(settings) as connection:
        yield connection
