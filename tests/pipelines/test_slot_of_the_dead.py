"""A sync that waits for a pool slot goes on when the process that holds it dies, however late that is."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import instance as instances
from pipelines.definitions import build_defs
from pipelines.instance import PROCESS_TAG, STARTED_TAG, open_instance, process_tags
from pipelines.runner import run_sync
from pipelines.source_runs import SyncOptions
from tests.pipelines.days import Days, first_day
from tests.pipelines.world import World


@pytest.fixture
def days(tmp_path: Path) -> Days:
    days = Days(tmp_path)
    days.write(first_day())
    return days


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[bytes]]:
    """A process that somebody else runs: nobody here asks for its exit code before the test is over."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def test_whoever_waits_for_the_slot_of_a_process_goes_on_when_it_dies(
    days: Days, holder: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "_CLEARED_EVERY", 0.2)
    with days.world.hub() as hub:
        with open_instance(hub.config) as instance:
            job = build_defs(hub).resolve_job_def("sync_crm")
            tags = {**process_tags(), PROCESS_TAG: str(holder.pid), STARTED_TAG: instances._started(holder.pid)}
            run = instance.create_run_for_job(job, tags=tags)
            instance.report_run_canceling(run)
            instance.event_log_storage.set_concurrency_slots("source_crm", 1)
            claim = instance.event_log_storage.claim_concurrency_slot("source_crm", run.run_id, "step")
            assert claim.is_claimed
        done: list[int] = []
        waiting = threading.Thread(target=lambda: done.append(_synced(days.world)), daemon=True)
        waiting.start()
        waiting.join(5)
        assert done == [], "it waits while the holder lives"
        holder.kill()
        waiting.join(60)
        assert done == [0]


def _synced(world: World) -> int:
    with world.hub() as hub:
        return run_sync(hub, SyncOptions(sources=("crm",))).exit_code
