"""The doctor: a hub in order is found so, and each way of being broken is told with a remedy that heals it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.landing import PartWriter
from pipelines.definitions import build_defs
from pipelines.doctor import Finding, examine
from pipelines.instance import open_instance, process_tags
from pipelines.rollback import rollback
from tests.pipelines.days import Days, copied, second_day
from tests.pipelines.test_cli import Shell
from warehouse import control_tables as t
from warehouse.connection import writer
from warehouse.control import utcnow
from warehouse.migrations import VERSION
from warehouse.replay import Replay, replay


@pytest.fixture
def days(settled_days: Path, tmp_path: Path) -> Days:
    """A hub with two published loads."""
    return copied(settled_days, tmp_path)


def findings(days: Days) -> list[Finding]:
    with days.world.hub() as hub:
        return examine(hub)


def wrong(days: Days) -> dict[str, Finding]:
    """What is not ok, by check; the first of a check."""
    return {finding.check: finding for finding in reversed(findings(days)) if finding.severity != "ok"}


def run(remedy: str | None, days: Days) -> None:
    """Do what a remedy says, as it stands there, up to the alternative it names."""
    command = (remedy or "").partition(", ")[0]
    hub = f"{sys.executable} -m pipelines.cli"
    shell = command.replace("hub ", f"{hub} ") if command.startswith("hub ") else command.replace("&& hub ", f"&& {hub} ")
    shell = shell.replace("python -c", f"{sys.executable} -c")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(shell, shell=True, cwd=days.root, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, f"{shell}: {done.stdout}{done.stderr}"


def golden(days: Days) -> Path:
    return (days.root / "data" / "golden.duckdb").resolve()


def change(path: Path, statement: str) -> None:
    with closing(duckdb.connect(str(path))) as con:
        con.execute(statement)


def contents(root: Path) -> dict[str, str]:
    """What every file holds, except those that SQLite itself makes and removes while a store is open."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def test_a_hub_in_order_is_all_ok_and_looking_changes_nothing(
    days: Days, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(days.root)
    shell = Shell(days.world, capsys, monkeypatch)
    found = shell.json("doctor")
    assert {finding["severity"] for finding in found} == {"ok"}, found
    checks = {finding["check"] for finding in found}
    assert checks >= {"disk_space", "lock", "link", "verdict", "loads_known", "landing_parts", "raw_source", "leftover", "staged"}
    assert checks >= {"facts", "stores", "dagster", "control_store", "warehouse", "duckdb"}
    code, out, _ = shell("doctor")
    assert (code, out.splitlines()[-1]) == (0, f"0 errors, 0 warnings, {len(found)} things looked at")
    assert contents(days.root) == before


def test_a_hub_before_its_first_sync_is_in_order(days: Days) -> None:
    shutil.rmtree(days.root / "data")
    assert wrong(days) == {}
    assert not (days.root / "data").exists()


def lost_link(days: Days) -> None:
    (days.root / "data" / "golden.duckdb").unlink()


def lost_file(days: Days) -> None:
    golden(days).unlink()


def unreadable_file(days: Days) -> None:
    golden(days).write_bytes(b"no database" * 1000)


def no_link(days: Days) -> None:
    link, file = days.root / "data" / "golden.duckdb", golden(days)
    link.unlink()
    shutil.copyfile(file, link)


@pytest.mark.parametrize("broken", [lost_link, lost_file, unreadable_file])
def test_a_link_that_leads_to_no_load_is_an_error_and_the_remedy_leads_it_to_one(
    days: Days, broken: Callable[[Days], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(days)
    code, out, _ = Shell(days.world, capsys, monkeypatch)("doctor")
    assert code == 1
    assert "golden.duckdb: " in out
    found = wrong(days)["link"]
    assert found.severity == "error"
    run(found.remedy, days)
    assert "link" not in wrong(days)
    assert days.world.ask("SELECT count(*) > 0 FROM golden.customer") == [(True,)]


def test_a_file_in_the_place_of_the_link_is_an_error(days: Days) -> None:
    no_link(days)
    found = wrong(days)["link"]
    assert (found.severity, "is a file" in found.what) == ("error", True)
    run(found.remedy, days)
    assert "the link is gone" in wrong(days)["link"].what


def test_a_load_that_the_gate_did_not_pass_is_an_error_and_a_rollback_heals(days: Days) -> None:
    change(golden(days), f"UPDATE quality.gate_decision SET decision = 'hold' WHERE load_id = '{golden(days).stem[7:]}'")
    found = wrong(days)["verdict"]
    assert (found.severity, found.remedy) == ("error", "hub rollback")
    run(found.remedy, days)
    after = wrong(days)
    assert set(after) == {"load_age"}
    assert "pinned" in after["load_age"].what


def test_what_got_lost_between_raw_and_golden_is_an_error_and_making_it_again_heals(days: Days) -> None:
    change(golden(days), "DELETE FROM golden.ticket WHERE source_record_id = 't5'")
    found = wrong(days)
    assert set(found) == {"facts"}
    assert (found["facts"].severity, found["facts"].what) == ("error", "90 rows are staged, 89 are published")
    assert found["facts"].where.startswith("golden.ticket of crm")
    assert found["facts"].remedy == "hub sync --full"
    change(days.root / "data" / "hub.duckdb", "DELETE FROM staging.customer_order WHERE source_record_id IN ('o1', 'o2')")
    lost = wrong(days)["staged"]
    assert (lost.severity, lost.where) == ("error", "shop/orders")
    assert lost.what == "2 records are in raw and neither staged nor in quarantine"
    assert (lost.remedy or "").endswith(f" && {found['facts'].remedy}")
    run(lost.remedy, days)
    assert wrong(days) == {}


def test_a_record_without_a_customer_is_an_error_and_a_rollback_heals(days: Days) -> None:
    change(golden(days), "DELETE FROM identity.customer_xref WHERE record_key = 'shop:customers:5'")
    found = wrong(days)["crosswalk"]
    assert found.what == "1 of its records have no customer, 0 in the crosswalk are not among its records"
    run(found.remedy, days)
    assert "crosswalk" not in wrong(days)


def test_what_a_sync_mends_is_said_to_be_mended_by_one(days: Days) -> None:
    """Many breaks at once, as a machine that lost its power leaves them, and one sync."""
    landing = days.root / "data" / "landing"
    mirror = landing / "crm" / "tickets" / "committed.json"
    mirror.write_text(json.dumps({"checkpoint": {"files": {}}, "seq": 77}))
    with days.world.hub() as hub:
        stray = PartWriter(
            hub.landing("shop", "orders"),
            sync_run_id="x",
            follows={"from": "elsewhere"},
            seq=900,
            begins=False,
            owes_end=True,
            snapshot=False,
        )
        stray.finish()
        run_row = {"sync_run_id": "dead", "source_system": "crm", "stream": "contacts", "status": "running", "started_at": utcnow()}
        hub.control.put(t.sync_run, [run_row])
        with open_instance(hub.config) as instance:
            job = build_defs(hub).resolve_job_def("sync_crm")
            dead = instance.create_run_for_job(job, tags={**process_tags(), "hub/pid": "999999999"})
            instance.report_run_canceling(dead)
            over = instance.create_run_for_job(job)
            instance.event_log_storage.set_concurrency_slots("warehouse", 1)
            instance.event_log_storage.claim_concurrency_slot("warehouse", over.run_id, "step")
            instance.report_run_failed(over)
    change(days.root / "data" / "hub.duckdb", "UPDATE ops.schema_version SET version = 4")
    assert wrong(days)["warehouse"].remedy == "hub sync"
    change(days.root / "data" / "hub.duckdb", f"UPDATE ops.schema_version SET version = {VERSION}")
    found = wrong(days)
    assert {check: (finding.severity, finding.where) for check, finding in found.items()} == {
        "cursor": ("warning", "crm/tickets"),
        "landing_parts": ("warning", "shop/orders"),
        "run": ("warning", f"run {dead.run_id}"),
        "pool": ("warning", "pool warehouse"),
        "sync_run": ("warning", "crm/contacts"),
    }
    assert {(finding.remedy or "").partition(" ")[0] for finding in found.values()} == {"hub"}
    change(days.root / "data" / "hub.duckdb", "UPDATE ops.schema_version SET version = 4")
    assert days.world.sync().exit_code == 0
    assert wrong(days) == {}


def test_a_part_that_cannot_be_read_is_an_error_that_names_the_file(days: Days) -> None:
    part = days.root / "data" / "landing" / "crm" / "tickets" / "part-00000099.parquet"
    part.write_bytes(b"half a pa")
    found = wrong(days)["landing_parts"]
    assert (found.severity, found.where) == ("error", str(part))
    run(found.remedy, days)
    assert wrong(days) == {}


def test_what_killed_processes_left_is_found_but_not_what_is_being_written(days: Days) -> None:
    data = days.root / "data"
    for name in ("published/.golden-x.duckdb.tmp", ".golden.duckdb.7.tmp", "landing/crm/tickets/.part-00000009.7.tmp"):
        (data / name).write_text("x")
    (data / ".backup").mkdir()
    left = [finding for finding in findings(days) if finding.check == "leftover"]
    assert {finding.severity for finding in left} == {"warning"}
    assert len(left) == 4
    with elsewhere(days, "warehouse.connection", "writer"):
        assert {Path(finding.where).name for finding in findings(days) if finding.check == "leftover"} == {
            ".backup",
            ".part-00000009.7.tmp",
        }
    for finding in left:
        run(finding.remedy, days)
    assert wrong(days) == {}


def test_sources_that_hub_yaml_has_no_more_are_told_until_they_are_back(days: Days) -> None:
    config = days.world.config
    days.world.configure({**config, "sources": {"shop": config["sources"]["shop"]}})
    found = wrong(days)
    assert set(found) == {"landing_folder", "raw_source"}
    assert found["raw_source"].where.startswith("crm/")
    assert found["raw_source"].remedy == "put crm back under sources:, with enabled: false if it is not to be read"
    sources = {**config["sources"], "crm": {**config["sources"]["crm"], "enabled": False}}
    days.world.configure({**config, "sources": sources})
    assert wrong(days) == {}


def test_files_and_control_store_that_differ_are_told(days: Days) -> None:
    published = days.root / "data" / "published"
    oldest = min(published.glob("golden-*.duckdb"))
    stray = published / "golden-20200101T000000_abcd.duckdb"
    shutil.copyfile(oldest, stray)
    found = wrong(days)
    assert set(found) == {"loads_known"}
    run(found["loads_known"].remedy, days)
    assert wrong(days) == {}
    aside = days.root / "aside"
    shutil.copyfile(oldest, stray)
    shutil.move(oldest, aside)
    found = wrong(days)
    assert set(found) == {"loads_known", "loads_kept"}
    assert found["loads_kept"].where == str(oldest)


def test_a_row_released_from_quarantine_is_no_sync_that_the_control_store_lacks(days: Days) -> None:
    with days.world.hub() as hub, writer(hub.config.warehouse) as con:
        [(record, payload, digest)] = con.execute(
            "SELECT source_record_id, payload, payload_hash FROM raw.shop__customers LIMIT 1"
        ).fetchall()
        replay(con, [Replay("shop", "customers", record, payload, digest)], run_id="replay_1", now=utcnow())
    assert "stores" not in wrong(days)


def test_a_store_that_came_back_older_than_the_other_is_told_and_a_sync_goes_on(days: Days, tmp_path: Path) -> None:
    data = days.root / "data"
    before = tmp_path / "before"
    shutil.copytree(data, before, symlinks=True)
    files = second_day()
    files["customers"][5]["city"] = "Thirsk"
    days.write(files)
    assert days.load() is not None
    assert wrong(days) == {}
    control = (data / "control.db").read_bytes()
    for leftover in data.glob("control.db*"):
        leftover.unlink()
    shutil.copyfile(before / "control.db", data / "control.db")
    found = wrong(days)
    assert (found["stores"].where, "shop/customers" in found["stores"].what) == ("control store", True)
    assert found["loads_known"].remedy == "hub sync"
    for leftover in data.glob("control.db*"):
        leftover.unlink()
    (data / "control.db").write_bytes(control)
    shutil.copyfile(before / "hub.duckdb", data / "hub.duckdb")
    found = wrong(days)
    assert "lacks the newest sync of shop/customers" in found["stores"].what
    run(found["stores"].remedy, days)
    assert wrong(days) == {}


def test_a_control_store_that_is_gone_or_of_an_older_version_is_told(
    days: Days, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    path = days.root / "data" / "control.db"
    with closing(sqlite3.connect(path)) as con:
        con.execute("ALTER TABLE load_batch DROP COLUMN removed")
        con.execute("DROP TABLE target_state")
    found = wrong(days)["control_store"]
    assert (found.severity, found.remedy) == ("warning", "hub status")
    assert "target_state" in found.what
    assert "load_batch.removed" in found.what
    assert Shell(days.world, capsys, monkeypatch)("status")[0] == 0
    assert wrong(days) == {}
    for leftover in path.parent.glob("control.db*"):
        leftover.unlink()
    assert wrong(days)["control_store"].severity == "error"
    assert not path.exists()


def test_versions_restores_and_a_warehouse_that_is_gone(days: Days) -> None:
    warehouse = days.root / "data" / "hub.duckdb"
    change(warehouse, "UPDATE ops.schema_version SET version = 99")
    assert wrong(days)["warehouse"].severity == "error"
    (days.root / "data" / ".restoring").write_text("20260101T000000Z-abc")
    found = wrong(days)["restore"]
    assert found.severity == "error"
    assert "hub restore [WHERE] --backup 20260101T000000Z-abc" in (found.remedy or "")
    (days.root / "data" / ".restoring").unlink()
    warehouse.write_bytes(b"no database" * 1000)
    assert wrong(days)["warehouse"].severity == "error"
    warehouse.unlink()
    found = wrong(days)["warehouse"]
    assert (found.severity, found.remedy) == ("error", "hub sync")


def test_a_disk_without_room_for_the_next_load_is_an_error(days: Days) -> None:
    free = shutil.disk_usage(days.root).free
    log = days.root / "data" / "hub.duckdb.wal"
    # a file that says it is large and takes no room; as a log of the warehouse it counts, and is not looked into
    warehouse = days.root / "data" / "hub.duckdb"
    warehouse.unlink()
    for size, severity in ((free * 2 // 3, "warning"), (free * 2, "error")):
        with open(log, "wb") as handle:
            handle.truncate(size)
        found = wrong(days)["disk_space"]
        assert found.severity == severity
        assert "keep_loads" in (found.remedy or "")


HOLDER = """
import sys, time
from importlib import import_module
from pipelines.config import load_config
settings = load_config("hub.yaml").warehouse
with getattr(import_module(sys.argv[1]), sys.argv[2])(settings):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def elsewhere(days: Days, module: str, lock: str) -> Iterator[int]:
    """Hold a lock in another process, for the length of a with block; its ID."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", HOLDER, module, lock]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=days.root, env=environment, text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process.pid
        finally:
            process.communicate("")


def test_it_works_while_a_sync_writes_and_says_who_does(days: Days) -> None:
    with elsewhere(days, "warehouse.connection", "writer") as pid:
        began = time.monotonic()
        found = findings(days)
        assert time.monotonic() - began < 20, "it waits for nobody"
        assert {finding.severity for finding in found} == {"ok"}
        said = {finding.check: finding.what for finding in found}
        assert f"is being written by process {pid} on" in said["warehouse"]
        assert f"process {pid} on" in said["lock"]
        days.world.configure({**days.world.config, "warehouse": {"lock_timeout_seconds": 0}})
        os.utime(days.root / "data" / "hub.duckdb.lock", (0, 0))
        assert "got no further for" in wrong(days)["lock"].what
    assert wrong(days) == {}


def test_a_lock_whose_holder_is_dead_is_an_error(days: Days) -> None:
    lock = days.root / "data" / "hub.duckdb.lock"
    # a process that inherited the lock outlives the one that took it
    script = (
        "import fcntl, json, os, socket, subprocess, sys\n"
        f"handle = open({str(lock)!r}, 'w')\n"
        "fcntl.flock(handle, fcntl.LOCK_EX)\n"
        "json.dump({'pid': os.getpid(), 'host': socket.gethostname(), 'since': 'then'}, handle); handle.flush()\n"
        "print(subprocess.Popen(['sleep', '60'], pass_fds=[handle.fileno()], stdout=-3, stderr=-3).pid)\n"
    )
    child = int(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout)
    try:
        found = wrong(days)["lock"]
        assert found.severity == "error"
        assert "is dead" in found.what
        assert str(lock) in (found.remedy or "")
    finally:
        os.kill(child, 9)


def test_a_held_load_and_a_pinned_one_are_warnings_that_name_the_next_step(days: Days) -> None:
    files = second_day()
    files["orders"] = files["orders"][:100]
    days.write(files)
    verdict = days.load()
    assert verdict is not None
    assert verdict.decision == "hold"
    found = wrong(days)
    assert {check: finding.remedy for check, finding in found.items()} == {"load_age": "hub gate show"}
    days.write(second_day())
    assert days.load() is not None
    with days.world.hub() as hub:
        rollback(hub, None, by="ops")
    assert {check: finding.remedy for check, finding in wrong(days).items()} == {"load_age": "hub rollback --release"}


def test_a_dagster_instance_of_an_older_version_is_an_error_and_migrating_heals(days: Days) -> None:
    import sqlite3

    with days.world.hub() as hub, open_instance(hub.config):
        pass
    path = days.root / "var" / "dagster" / "schedules" / "schedules.db"
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("DELETE FROM alembic_version")
    found = wrong(days)["dagster"]
    assert found.severity == "error"
    assert "schedule storage" in found.what
    assert found.remedy == f"DAGSTER_HOME={days.root / 'var' / 'dagster'} dagster instance migrate"
