"""A full disk under each store: an error of one line that says so, nothing half done, and all as ever once there is room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from hub.contract.errors import WarehouseAccessError
from tests.small_disk import Disk, small_disk
from tests.warehouse.test_publish import candidate, put, seen, verdict
from warehouse import control_tables as t
from warehouse.connection import writer
from warehouse.control import ControlStore
from warehouse.locks import locked
from warehouse.publish import live_load
from warehouse.settings import WarehouseSettings


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", 24) as mounted:
        yield mounted


@pytest.fixture
def settings(disk: Disk) -> WarehouseSettings:
    return WarehouseSettings(lock_timeout_seconds=0.3).resolved(disk.root)


def one_line(caught: pytest.ExceptionInfo[WarehouseAccessError]) -> None:
    assert "\n" not in str(caught.value)
    assert "free disk space" in str(caught.value)


def test_what_cannot_be_committed_is_rolled_back(disk: Disk, settings: WarehouseSettings) -> None:
    with writer(settings) as con:
        con.execute("CREATE TABLE kept AS SELECT 1 AS n")

    def write_more() -> None:
        with writer(settings) as con:
            disk.fill()
            con.execute("BEGIN")
            con.execute("INSERT INTO kept SELECT range FROM range(20_000)")
            con.execute("COMMIT")

    with pytest.raises(WarehouseAccessError, match="No space left") as caught:
        write_more()
    one_line(caught)
    disk.free()
    with writer(settings) as con:
        assert con.execute("SELECT count(*) FROM kept").fetchall() == [(1,)]


def test_a_lock_is_held_though_nothing_can_be_written_into_it(disk: Disk, settings: WarehouseSettings) -> None:
    settings.path.parent.mkdir(parents=True)
    lock = settings.path.with_name(f"{settings.path.name}.lock")
    lock.touch()
    disk.fill()
    with locked(settings.path, "lock", 0.3), pytest.raises(WarehouseAccessError), locked(settings.path, "other", 0.3):
        raise WarehouseAccessError("it was entered")
    assert lock.read_text() == ""


def test_a_load_that_finds_no_room_is_not_published(disk: Disk, settings: WarehouseSettings) -> None:
    with writer(settings) as con:
        candidate(con, {"c1": "Ann"})
        verdict(con, "L1")
        put(con, settings, "L1")
        candidate(con, {"c1": "Bea"})
        verdict(con, "L2")
        disk.fill()
        with pytest.raises(WarehouseAccessError, match="the last good load stays") as caught:
            put(con, settings, "L2")
        one_line(caught)
        assert (live_load(settings), seen(settings)) == ("L1", {"c1": "Ann"})
        disk.free()
        put(con, settings, "L2")
    assert seen(settings) == {"c1": "Bea"}


def test_the_control_store_says_that_its_disk_is_full(disk: Disk) -> None:
    store = ControlStore(str(disk.root / "control.db"))
    disk.fill()
    with pytest.raises(WarehouseAccessError, match="disk is full") as caught:
        store.add(t.setting, [{"name": f"n{number}", "value": "x" * 4000} for number in range(500)])
    one_line(caught)
    disk.free()
    assert store.rows(sa.select(t.setting)) == []
    store.close()
