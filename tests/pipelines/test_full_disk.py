"""A disk that fills up, a real one of some megabytes: what could not be written is said in one line, and once there is room the
same command goes on, to what a hub that always had room has.
"""

from __future__ import annotations

import os
import re
import subprocess
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


class Disk:
    """A disk of its own, and what fills it."""

    def __init__(self, root: Path) -> None:
        self.root, self._filler = root, root / "filler"

    def fill(self) -> None:
        """Leave no room."""
        there = os.statvfs(self.root)
        with open(self._filler, "wb") as sink:
            os.posix_fallocate(sink.fileno(), 0, there.f_bavail * there.f_bsize)

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """One of some megabytes, where this machine lets us mount it."""
    root = tmp_path / "disk"
    root.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here ({done.stderr.strip()})")
    try:
        yield Disk(root)
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)


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
