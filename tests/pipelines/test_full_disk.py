"""A disk that fills up, a real one of some megabytes: what could not be written is said in one line, and once there is room the
same command goes on, to what a hub that always had room has.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.chaos.seen import differences
from hub.contract.errors import WarehouseAccessError
from pipelines import ingest
from pipelines.cli import main
from tests.pipelines import days as stages
from tests.pipelines.days import ORDERS, Days, copied, order, second_day
from tests.small_disk import Disk, small_disk

MEGABYTES = 64
STAGES: dict[str, tuple[Any, str]] = {
    "extraction": (ingest, "extract"),
    "raw": (ingest, "take_in"),
    "staging": (stages, "stage"),
    "identity": (stages, "resolve_identity"),
    "golden": (stages, "build"),
    "gate": (stages, "judge_candidate"),
    "publish": (stages, "publish_candidate"),
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """One of some megabytes."""
    with small_disk(tmp_path / "disk", MEGABYTES) as mounted:
        yield mounted


def a_day_more(days: Days) -> None:
    """Orders that are new, a customer who moved, one who is gone."""
    files = second_day()
    files["orders"] += [order(n) for n in range(ORDERS + 8, ORDERS + 40)]
    files["customers"][5]["city"] = "Hull"
    files["contacts"].pop(30)
    days.write(files)


@pytest.fixture(scope="module")
def calm(settled_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Days:
    """The hub that always has room, after that day."""
    days = copied(settled_days, tmp_path_factory.mktemp("room"))
    a_day_more(days)
    assert days.load() is not None
    return days


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_is_an_error_of_one_line_and_once_there_is_room_the_load_is_as_ever(
    stage: str, disk: Disk, calm: Days, settled_days: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = copied(settled_days, disk.root)
    a_day_more(days)
    before = days.seen()
    module, name = STAGES[stage]
    work: Callable[..., Any] = getattr(module, name)

    def full(*arguments: Any, **named: Any) -> Any:
        disk.fill()
        return work(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, full)
        with pytest.raises(WarehouseAccessError, match=r"disk|space") as caught:
            days.load()
    assert "\n" not in str(caught.value)
    assert days.seen() == before, "analysts see the last good load"
    disk.free()
    assert days.load() is not None
    assert differences(calm.root, days.root) == {}


def test_a_whole_sync_on_a_full_disk_ends_with_one_line_and_the_next_one_publishes(
    disk: Disk, calm: Days, settled_days: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the instance of Dagster on the same disk, which then cannot note its runs either."""
    days = copied(settled_days, disk.root)
    assert days.world.sync().action == "unchanged"
    a_day_more(days)
    monkeypatch.chdir(disk.root)
    monkeypatch.setattr(sys, "argv", ["hub", "sync"])
    disk.fill()
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert (ended.value.code, said.count("\n")) == (1, 1)
    assert re.search("disk|space", said)
    disk.free()
    assert days.world.sync().action == "published"
    assert differences(calm.root, days.root) == {}
