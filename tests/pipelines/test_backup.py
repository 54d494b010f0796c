"""Backups: taken while syncs go on, cheap when little changed, and restored to the same customer IDs on an empty machine."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from hub.contract.errors import WarehouseAccessError, WarehouseError
from pipelines import backups
from pipelines.definitions import build_defs
from pipelines.jobs import BACKUP_JOB
from pipelines.runner import EXIT_OK
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.world import Command, World
from warehouse.backup import Storage, restoring, taking
from warehouse.connection import restore_marker, writer

STREAM = {"path": "../in/contacts.jsonl", "kind": "party", "id": "id", "fields": {"full_name": "name", "email": "email"}}
CONFIG: dict[str, Any] = {
    "sources": {"crm": {"type": "files", "streams": {"contacts": {**STREAM, "deletes": "snapshot"}}}},
    "backup": {"to": "../kept"},
}
XREF = "SELECT record_key, customer_id FROM identity.customer_xref WHERE is_current ORDER BY 1"


def write(root: Path, people: int) -> None:
    (root / "in").mkdir(exist_ok=True)
    rows = [{"id": f"{n}", "name": f"Person{n} Family{n}", "email": f"p{n}@mail{n}.org"} for n in range(people)]
    (root / "in" / "contacts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def machine(tmp_path: Path, name: str = "hub") -> World:
    (tmp_path / name).mkdir()
    return World(tmp_path / name, CONFIG)


def one_load(root: Path) -> None:
    """A hub with one load, beside the folder that its source reads."""
    write(root, 30)
    assert machine(root).sync().exit_code == EXIT_OK


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A hub with one load, beside the folder that its source reads."""
    built = built_once(tmp_path_factory, "backed-up", one_load)
    copy_of(built / "in", tmp_path / "in")
    copy_of(built / "hub", tmp_path / "hub")
    return World(tmp_path / "hub", CONFIG)


def take(world: World, **options: Any) -> Any:
    with world.hub() as hub:
        return backups.take(hub, by="test", **options)[0]


def bring_back(world: World, backup_id: str | None = None, *, replace: bool = False) -> Any:
    with world.hub() as hub:
        return backups.bring_back(hub, None, backup_id, replace=replace, by="test")


def test_an_empty_machine_gets_the_same_ids_and_goes_on_incrementally(world: World, tmp_path: Path) -> None:
    then = world.ask(XREF)
    secret = tmp_path / "hub" / "data" / "private" / "crm"
    secret.mkdir(parents=True)
    (secret / "oauth.json").write_text("{}")
    (secret / "oauth.json").chmod(0o600)
    taken = take(world)
    shutil.rmtree(tmp_path / "hub")

    other = machine(tmp_path, "other")
    done = bring_back(other)
    assert (done.backup.backup_id, done.aside) == (taken.backup_id, None)
    assert done.verified == len(taken.figures) > 20
    assert other.ask(XREF) == then
    token = tmp_path / "other" / "data" / "private" / "crm" / "oauth.json"
    assert (token.read_text(), token.stat().st_mode & 0o777) == ("{}", 0o600)
    assert other.sync().action == "unchanged"
    write(tmp_path, 33)
    shutil.rmtree(tmp_path / "other" / "data" / "landing")  # as on a machine that has not synced since
    after = other.sync()
    assert (after.action, after.exit_code) == ("published", EXIT_OK)
    assert set(then) < set(other.ask(XREF))
    assert len(other.ask(XREF)) == 33


def test_a_second_backup_writes_what_changed_and_the_first_can_still_be_restored(world: World, tmp_path: Path) -> None:
    first = take(world)
    then = world.ask(XREF)
    assert first.written_bytes > 0
    assert take(world).written_bytes < first.size / 2, "an unchanged hub is written again"
    write(tmp_path, 36)
    world.sync()
    now = world.ask(XREF)
    last = take(world)
    assert bring_back(world, first.backup_id, replace=True).aside is not None
    assert world.ask(XREF) == then
    bring_back(world, last.backup_id, replace=True)
    assert world.ask(XREF) == now


def test_only_so_many_are_kept_and_each_of_them_is_whole(world: World, tmp_path: Path) -> None:
    for people in (31, 32, 33):
        write(tmp_path, people)
        world.sync()
        take(world, keep=2)
    place = Storage(str(tmp_path / "kept"))
    kept = place.backups()
    assert len(kept) == 2
    assert all(restoring.verify(place, backup) == len(backup.entries) for backup in kept)
    needed = {digest for backup in kept for entry in backup.entries for digest in entry.pieces}
    assert {path.name for path in (tmp_path / "kept" / "pieces").rglob("*") if path.is_file()} == needed


def test_a_hub_that_is_there_is_not_replaced_unasked(world: World) -> None:
    take(world)
    with pytest.raises(WarehouseAccessError, match="--replace"):
        bring_back(world)
    assert len(world.ask(XREF)) == 30


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_damaged_backup_touches_nothing(world: World, tmp_path: Path, damage: str) -> None:
    take(world)
    pieces = sorted((tmp_path / "kept" / "pieces").rglob("*"), key=lambda path: path.stat().st_size)
    if damage == "missing":
        pieces[-1].unlink()
    else:
        pieces[-1].write_bytes(b"x" + pieces[-1].read_bytes()[1:])
    with pytest.raises(WarehouseAccessError, match="damaged"):
        bring_back(world, replace=True)
    with world.hub() as hub, pytest.raises(WarehouseAccessError, match="damaged"):
        backups.verified(hub, None)
    assert len(world.ask(XREF)) == 30
    assert world.sync().action == "unchanged"


def test_a_piece_that_a_crash_cut_short_is_written_again(world: World, tmp_path: Path) -> None:
    take(world)
    piece = max((tmp_path / "kept" / "pieces").rglob("*"), key=lambda path: path.stat().st_size)
    piece.write_bytes(piece.read_bytes()[:1000])
    (world.root / "data" / ".backup").mkdir()  # and the copy of a backup that was killed is no obstacle
    take(world)
    with world.hub() as hub:
        assert backups.verified(hub, None)[1] > 0
    assert not (world.root / "data" / ".backup").exists()


def test_a_full_disk_is_said_in_a_line(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(taking.shutil, "copyfile", full)
    with pytest.raises(WarehouseAccessError, match=r"No space left on device.*free disk space"):
        take(world)
    assert not (world.root / "data" / ".backup").exists()


def test_figures_that_differ_are_refused(world: World, tmp_path: Path) -> None:
    take(world)
    manifest = next((tmp_path / "kept" / "manifests").iterdir())
    said = json.loads(manifest.read_text())
    said["figures"]["working warehouse: customer IDs of the records"] = "1"
    manifest.write_text(json.dumps(said))
    with pytest.raises(WarehouseAccessError, match="customer IDs of the records"):
        bring_back(world, replace=True)
    assert len(world.ask(XREF)) == 30


@pytest.mark.parametrize("step", ["_move", "repoint"])
def test_a_restore_that_is_cut_off_is_finished_by_the_same_command(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    taken, then = take(world), world.ask(XREF)
    write(tmp_path, 36)
    world.sync()

    def cut(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(restoring, step, cut)
        with pytest.raises(KeyboardInterrupt):
            bring_back(world, taken.backup_id, replace=True)
    with world.hub() as hub:
        assert restore_marker(hub.config.warehouse).exists()
        with pytest.raises(WarehouseError, match="restore"), writer(hub.config.warehouse):
            pass
    bring_back(world, taken.backup_id)
    assert world.ask(XREF) == then
    assert world.sync().exit_code == EXIT_OK


def test_a_backup_waits_for_who_writes_and_is_consistent(world: World, tmp_path: Path) -> None:
    write(tmp_path, 60)
    syncing = threading.Thread(target=world.sync)
    syncing.start()
    taken = [take(world)]
    syncing.join()
    taken.append(take(world))
    for number, backup in enumerate(taken):
        other = machine(tmp_path, f"other{number}")
        bring_back(other, backup.backup_id)
        assert other.sync().exit_code == EXIT_OK
        assert other.ask(XREF) == world.ask(XREF)


def test_the_commands_say_what_they_did(world: World, tmp_path: Path, hub: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    made = hub("backup", str(tmp_path / "elsewhere"))
    assert made["new_bytes"] > 0
    listed = hub("backup", str(tmp_path / "elsewhere"), "--list")
    assert [found["backup_id"] for found in listed] == [made["backup_id"]]
    assert hub("backup", str(tmp_path / "elsewhere"), "--verify")["backup_id"] == made["backup_id"]
    assert "there is no backup" in hub("restore", "--replace", fails=True)
    assert "cannot keep backups at nosuch://bucket" in hub("backup", "nosuch://bucket", fails=True)
    done = hub("restore", str(tmp_path / "elsewhere"), "--replace")
    assert done["backup_id"] == made["backup_id"]
    assert Path(done["aside"]).is_dir()
    assert hub("status")["load"]["load_id"] == made["load_id"]


def test_the_daemon_takes_one_as_hub_yaml_says(world: World, tmp_path: Path) -> None:
    world.configure({**world.config, "backup": {"to": "../kept", "schedule": "30 2 * * *", "keep": 1}})
    with world.hub() as hub:
        defs = build_defs(hub)
        schedule = defs.resolve_schedule_def("backup_schedule")
        assert (schedule.cron_schedule, schedule.default_status.value) == ("30 2 * * *", "RUNNING")
        for _ in range(2):
            assert defs.resolve_job_def(BACKUP_JOB).execute_in_process().success
    kept = Storage(str(tmp_path / "kept")).backups()
    assert len(kept) == 1
    assert kept[0].live is not None
