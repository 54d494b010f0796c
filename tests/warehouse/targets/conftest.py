from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warehouse.targets.kit import LIVE, Database, Loads, loads_in, target_database


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return loads_in(tmp_path)


@pytest.fixture(params=LIVE)
def db(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    with target_database(request.param, monkeypatch) as made:
        yield made


@pytest.fixture
def postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    with target_database("postgres", monkeypatch) as made:
        yield made


@pytest.fixture
def mariadb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    with target_database("mariadb", monkeypatch) as made:
        yield made
