"""A cursor that is lost or damaged, in the warehouse, its mirror or both: nothing is lost, nothing is doubled, no ID changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from bench.chaos.seen import differences
from tests.pipelines.days import ORDERS, Days, copied, order, second_day

FORGET = "DELETE FROM ops.sync_cursor WHERE source_system = 'shop'"
GARBLE = """UPDATE ops.sync_cursor SET cursor_value = '{"of": ["another", "kind"]}' WHERE source_system = 'shop'"""


def mirrors(days: Days) -> list[Path]:
    return sorted((days.root / "data" / "landing" / "shop").glob("*/committed.json"))


def in_warehouse(days: Days, statement: str) -> None:
    with duckdb.connect(str(days.root / "data" / "hub.duckdb")) as con:
        con.execute(statement)


def mirror_gone(days: Days) -> None:
    for mirror in mirrors(days):
        mirror.unlink()


def mirror_garbled(days: Days) -> None:
    for mirror in mirrors(days):
        mirror.write_bytes(b'{"checkpoint": {"fi\xff')


def landing_empty(days: Days) -> None:
    for mirror in mirrors(days):
        mirror.write_bytes(b"")  # as a file system may leave it that lost its power


def both_gone(days: Days) -> None:
    mirror_gone(days)
    in_warehouse(days, FORGET)


DAMAGES: dict[str, Callable[[Days], None]] = {
    "the mirror is gone": mirror_gone,
    "the mirror is garbled": mirror_garbled,
    "the mirror is empty": landing_empty,
    "the warehouse has none": lambda days: in_warehouse(days, FORGET),
    "the warehouse has another one": lambda days: in_warehouse(days, GARBLE),
    "both are gone": both_gone,
}


def a_day_more(days: Days) -> None:
    files = second_day()
    files["orders"] += [order(n) for n in range(ORDERS + 8, ORDERS + 12)]
    files["customers"][7]["city"] = "Hull"
    files["customers"].pop(9)
    days.write(files)


@pytest.fixture(scope="module")
def calm(settled_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Days:
    """The hub whose cursors are in order, after that day."""
    days = copied(settled_days, tmp_path_factory.mktemp("calm"))
    a_day_more(days)
    assert days.load() is not None
    return days


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_next_sync_is_as_ever(damage: str, calm: Days, settled_days: Path, tmp_path: Path) -> None:
    days = copied(settled_days, tmp_path)
    assert len(mirrors(days)) == 2
    DAMAGES[damage](days)
    a_day_more(days)
    verdict = days.load()
    assert verdict is not None
    assert verdict.decision == "pass", [r.message for r in verdict.results if r.status == "failed"]
    assert differences(calm.root, days.root) == {}
    assert days.load() is None
