"""Dagster's files, kept open: the same as Dagster's own, whole after a kill, seen at once by every other process."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType, EngineEventData
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from pipelines.storage import EventLogStorage, OpenFiles

SILENT = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dg.asset
def counted() -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(metadata={"rows": 3})


def instance_in(folder: Path, *, ours: bool) -> dg.DagsterInstance:
    storage: dict[str, Any] = {"sqlite": {"base_dir": str(folder)}}
    if ours:
        storage = {"custom": {"module": "pipelines.storage", "class": "HubStorage", "config": {"base_dir": str(folder)}}}
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}")
    instance = dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides={"storage": storage}))
    assert isinstance(instance.event_log_storage, EventLogStorage) is ours
    return instance


def event(run_id: str, said: str) -> EventLogEntry:
    told = DagsterEvent(DagsterEventType.ENGINE_EVENT.value, "job", message=said, event_specific_data=EngineEventData({}))
    return EventLogEntry(None, 20, said, run_id, timestamp=1.0, dagster_event=told)


def said(storage: SqliteEventLogStorage, run_id: str) -> list[str]:
    return [entry.user_message for entry in storage.get_logs_for_run(run_id)]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLogStorage]:
    storage = EventLogStorage(str(tmp_path))
    yield storage
    storage.dispose()


def test_each_class_reads_what_the_other_has_written_and_goes_on_with_it(tmp_path: Path) -> None:
    runs: list[str] = []
    for ours in (False, True, False):
        with instance_in(tmp_path, ours=ours) as instance:
            result = dg.materialize([counted], instance=instance, run_config=SILENT)
            runs.insert(0, result.run_id)
            assert [run.run_id for run in instance.get_runs()] == runs
            (events,) = {len(instance.all_logs(run_id)) for run_id in runs}
            assert events >= len(result.all_events)
            materialized = instance.fetch_materializations(dg.AssetKey("counted"), limit=9).records
            assert [record.run_id for record in materialized] == runs
            assert instance.event_log_storage.alembic_version() == instance.run_storage.alembic_version()  # type: ignore[attr-defined]


def test_a_runs_file_is_what_alembic_makes(tmp_path: Path) -> None:
    made = []
    for kind in (SqliteEventLogStorage, EventLogStorage):
        storage = kind(str(tmp_path / kind.__name__))
        storage.store_event(event("run", "one"))
        storage.dispose()
        with closing(sqlite3.connect(tmp_path / kind.__name__ / "run.db")) as con:
            con.execute("DELETE FROM event_logs")
            made.append((sorted(con.iterdump()), con.execute("PRAGMA journal_mode").fetchone()))
    assert made[0] == made[1]
    assert made[0][1] == ("wal",)
    assert any("alembic_version" in statement for statement in made[0][0])


def test_an_instance_that_is_closed_has_no_file_open(tmp_path: Path) -> None:
    with instance_in(tmp_path, ours=True) as instance:
        dg.materialize([counted], instance=instance, run_config=SILENT)
        instance.all_instigator_state()
    left = {path.name for path in tmp_path.rglob("*.db*")}
    assert {name for name in left if not name.endswith(".db")} == set()
    assert {"runs.db", "index.db", "schedules.db"} < left


def test_a_file_whose_making_was_cut_off_is_finished(tmp_path: Path, log: EventLogStorage) -> None:
    (tmp_path / "cut.db").touch()  # an engine makes the file before Alembic makes its tables
    log.store_event(event("cut", "one"))
    assert said(log, "cut") == ["one"]


def test_whoever_may_read_the_index_may_read_a_run(tmp_path: Path, log: EventLogStorage) -> None:
    (tmp_path / "index.db").chmod(0o664)
    log.store_event(event("run", "one"))
    assert (tmp_path / "run.db").stat().st_mode & 0o777 == 0o664


def test_two_that_make_a_runs_file_at_once_write_into_one(tmp_path: Path, log: EventLogStorage) -> None:
    other = EventLogStorage(str(tmp_path))
    other.store_event(event("first", "its copy is in memory from here on"))
    log.store_event(event("run", "one"))
    other.store_event(event("run", "two"))
    assert said(log, "run") == said(other, "run") == ["one", "two"]
    other.dispose()


def test_nothing_but_the_files_themselves_is_left_once_it_is_closed(tmp_path: Path, log: EventLogStorage) -> None:
    log.store_event(event("run", "one"))
    log.dispose()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.db", "run.db"]
    assert said(log, "run") == ["one"]  # and who asks again opens them again


def test_the_ui_is_told_of_events_of_another_process_while_the_file_stays_open(tmp_path: Path, log: EventLogStorage) -> None:
    told: queue.Queue[str] = queue.Queue()
    log.store_event(event("run", "before"))
    ui = EventLogStorage(str(tmp_path))
    ui.watch("run", None, lambda entry, cursor: told.put(entry.user_message))
    for message in ("one", "two"):
        log.store_event(event("run", message))
        while told.get(timeout=10) != message:
            pass
    ui.dispose()


def _write(folder: Path, run_id: str, events: int, *, killed: bool) -> None:
    storage = EventLogStorage(str(folder))
    for number in range(events):
        storage.store_event(event(run_id, str(number)))
        storage.set_concurrency_slots(f"{run_id}-{number}", 1)  # into the index, which all write into
    if killed:
        os.kill(os.getpid(), signal.SIGKILL)
    storage.dispose()


def test_processes_that_write_at_once_lose_nothing_and_neither_does_one_that_is_killed(
    tmp_path: Path, log: EventLogStorage
) -> None:
    context = multiprocessing.get_context("fork")
    log.store_event(event("ours", "before the fork"))
    writers = [
        context.Process(target=_write, args=(tmp_path, name, 40), kwargs={"killed": name == "killed"})
        for name in ("killed", "other")
    ]
    for writer in writers:
        writer.start()
    for number in range(40):
        log.store_event(event("ours", str(number)))
        log.set_concurrency_slots(f"ours-{number}", 1)
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [-signal.SIGKILL, 0]
    all_40 = [str(number) for number in range(40)]
    assert [said(log, run) for run in ("killed", "other", "ours")] == [all_40, all_40, ["before the fork", *all_40]]
    assert log.get_concurrency_keys() == {f"{run}-{number}" for run in ("killed", "other", "ours") for number in range(40)}
    for name in ("index", "killed"):
        with closing(sqlite3.connect(tmp_path / f"{name}.db")) as con:
            assert con.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_connection_is_not_used_on_the_other_side_of_a_fork(tmp_path: Path) -> None:
    files, url = OpenFiles(), f"sqlite:///{tmp_path / 'one.db'}"
    before = files.engine(url)

    def child(answer: Any) -> None:
        answer.put(files.engine(url) is before)

    context = multiprocessing.get_context("fork")
    answer = context.SimpleQueue()
    process = context.Process(target=child, args=(answer,))
    process.start()
    assert answer.get() is False
    process.join(30)
    assert files.engine(url) is before
    files.close()


def test_files_that_nobody_has_asked_for_the_longest_are_closed(tmp_path: Path) -> None:
    files = OpenFiles(most=2)
    engines = {}
    for name in ("a", "b", "a", "c"):
        engines[name] = files.engine(f"sqlite:///{tmp_path / name}.db")
        with engines[name].begin() as con:
            con.exec_driver_sql("PRAGMA user_version")
    assert {name: engine.pool.checkedin() for name, engine in engines.items()} == {"a": 1, "b": 0, "c": 1}  # type: ignore[attr-defined]
    files.close()
    assert [engine.pool.checkedin() for engine in engines.values()] == [0, 0, 0]  # type: ignore[attr-defined]


def test_events_that_are_wiped_are_gone_and_new_ones_are_kept(log: EventLogStorage, tmp_path: Path) -> None:
    log.store_event(event("run", "one"))
    log.wipe()
    assert not (tmp_path / "run.db").exists()
    log.store_event(event("run", "two"))
    assert said(log, "run") == ["two"]
