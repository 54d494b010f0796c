"""Which process works on a run that Dagster launched, and that it shows at once when that process is no more."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from pipelines.alerts.evaluate import look
from pipelines.context import Hub
from pipelines.dead_syncs import dead_syncs
from pipelines.definitions import build_defs
from pipelines.doctor import examine
from pipelines.executor import noting_executor
from pipelines.instance import PROCESS_TAG, STARTED_TAG, dead_runs, open_instance, process_tags, worker_tags
from tests.loopback import Reply, Request, serve
from tests.pipelines.test_pauses import CONFIG
from tests.pipelines.test_schedules import tick
from tests.pipelines.test_sensors import daemon, vendor
from tests.pipelines.world import ROOT, World

ESCAPE = 120  # seconds, after which a test gives up


@contextmanager
def launched(root: Path) -> Iterator[tuple[World, subprocess.Popen[bytes]]]:
    """A run of a vendor that does not answer, in a process of Dagster's own, which stands for a worker of the code server."""
    asked, answer = threading.Event(), threading.Event()

    def wait(request: Request) -> Reply:
        asked.set()
        answer.wait(ESCAPE)
        return Reply({"error": {"message": "no"}}, 503)

    with serve(wait) as server:
        stripe = {"type": "stripe", "base_url": server.base_url, "api_key": "${STRIPE_API_KEY}", "streams_at_a_time": 1}
        world = World(root, {"sources": {"stripe": stripe}})
        with world.hub() as hub, open_instance(hub.config):
            environment = {**os.environ, "HUB_CONFIG": str(root / "hub.yaml"), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "pipelines.definitions", "-j", "sync_stripe"]
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert asked.wait(ESCAPE)
            yield world, process
        finally:
            process.kill()
            process.wait()
            answer.set()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_worker")


def failed(hub: Hub, instance: dg.DagsterInstance) -> list[str]:
    return [condition.what for condition in look(hub, instance) if condition.kind == "run_failed"]


def test_a_run_that_dies_with_its_code_server_is_known_as_dead_at_once(tmp_path: Path) -> None:
    with launched(tmp_path) as (world, process), world.hub() as hub, open_instance(hub.config) as instance:
        (run,) = instance.get_runs()
        assert (run.status, run.tags[PROCESS_TAG]) == (dg.DagsterRunStatus.STARTED, str(process.pid))
        schedule = build_defs(hub).resolve_schedule_def("sync_stripe_schedule")
        assert (dead_runs(instance), dead_syncs(hub.control, instance), failed(hub, instance)) == ([], [], [])
        assert isinstance(tick(schedule, instance), dg.SkipReason)
        process.kill()
        process.wait()
        assert [dead.run_id for dead in dead_runs(instance)] == [run.run_id]
        assert {row["dagster_run_id"] for row in dead_syncs(hub.control, instance)} == {run.run_id}
        (told,) = failed(hub, instance)
        assert "its process died before it ended" in told
        assert {finding.check for finding in examine(hub) if finding.severity == "warning"} >= {"run", "sync_run"}
        assert isinstance(tick(schedule, instance), dg.RunRequest), "the next tick does not wait for it"
        ended = instance.get_run_by_id(run.run_id)
        assert ended is not None
        assert ended.is_failure


def test_whatever_dagster_launches_notes_its_process(tmp_path: Path) -> None:
    with World(tmp_path, {**CONFIG, "backup": {"to": "kept"}}).hub() as hub:
        jobs = {job.name: job.executor_def for job in build_defs(hub).resolve_all_job_defs()}
    assert set(jobs) >= {"sync_crm", "build", "backup", "__ASSET_JOB"}
    assert [name for name, executor in jobs.items() if executor is not noting_executor] == []


def test_what_repeats_a_run_is_dead_by_its_own_process_and_not_by_the_one_before(tmp_path: Path) -> None:
    with World(tmp_path, CONFIG).hub() as hub, open_instance(hub.config) as instance:
        job = build_defs(hub).resolve_job_def("sync_crm")
        first = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        instance.add_run_tags(first.run_id, {**worker_tags(first.run_id), PROCESS_TAG: "999999999"})
        before = instance.get_run_by_id(first.run_id)
        assert before is not None
        again = instance.create_run_for_job(
            job,
            tags=before.tags,
            status=dg.DagsterRunStatus.STARTED,
            parent_run_id=first.run_id,
            root_run_id=first.run_id,
        )
        assert [run.run_id for run in dead_runs(instance)] == [first.run_id]
        instance.add_run_tags(again.run_id, worker_tags(again.run_id))
        assert [run.run_id for run in dead_runs(instance)] == [first.run_id]
        instance.add_run_tags(again.run_id, {PROCESS_TAG: "999999999"})
        assert {run.run_id for run in dead_runs(instance)} == {first.run_id, again.run_id}


def test_a_number_that_another_process_has_by_now_does_not_pass_for_the_dead_one(tmp_path: Path) -> None:
    with World(tmp_path, CONFIG).hub() as hub, open_instance(hub.config) as instance:
        job = build_defs(hub).resolve_job_def("sync_crm")
        ours = process_tags()
        assert int(ours[STARTED_TAG]) > 0
        other = {**ours, STARTED_TAG: str(int(ours[STARTED_TAG]) - 1)}
        dead = instance.create_run_for_job(job, tags=other, status=dg.DagsterRunStatus.STARTED)
        instance.create_run_for_job(job, tags=ours, status=dg.DagsterRunStatus.STARTED)
        of_an_older_version = {name: value for name, value in ours.items() if name != STARTED_TAG}
        instance.create_run_for_job(job, tags=of_an_older_version, status=dg.DagsterRunStatus.STARTED)
        assert [run.run_id for run in dead_runs(instance)] == [dead.run_id]


def test_a_sync_that_the_daemon_launched_is_tried_again_although_its_tags_name_a_process(tmp_path: Path) -> None:
    with vendor(tmp_path, 503, retry_after_seconds=0) as world, daemon(world) as hub:
        result = hub.run("sync_stripe")
        hub.instance.add_run_tags(result.run_id, worker_tags(result.run_id))
        assert len(hub.asked("retry_syncs")[0]) == 1
