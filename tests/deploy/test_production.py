"""Production, started for real: code server, daemon and webserver of the files in deploy/ over PostgreSQL, fed by the sandbox."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox import SandboxHandle, running
from tests.deploy.kit import Deployment, deployed
from tests.pipelines.world import sandbox_config

_LAUNCH = """mutation($job: JobOrPipelineSelector!) {
  launchRun(executionParams: {selector: $job, runConfigData: {}}) { __typename }
}"""
_PERMISSIONS = """{ permissions { permission value }
  workspaceOrError { ... on Workspace { locationEntries { permissions { permission value } } } } }"""
_JOB = {"pipelineName": "build", "repositoryName": "__repository__", "repositoryLocationName": "customer_hub"}
_SYNC = {**_JOB, "pipelineName": "sync_stripe"}


@pytest.fixture
def production(tmp_path: Path) -> Iterator[tuple[Deployment, SandboxHandle]]:
    """A hub of one vendor that is to be synced every minute."""
    with running(seed=7, people=40) as sandbox:
        config = sandbox_config(sandbox.base_url)
        stripe = {**config["sources"]["stripe"], "schedule": "* * * * *"}
        with deployed(tmp_path, {**config, "sources": {"stripe": stripe}}) as made:
            yield made, sandbox


def done(hub: Deployment, job: str, *, not_among: Sequence[dict[str, Any]] = ()) -> dict[str, Any] | None:
    """A run of the job that succeeded."""
    known = {run["runId"] for run in not_among}
    good = (run for run in hub.runs() if run["jobName"] == job and run["status"] == "SUCCESS" and run["runId"] not in known)
    return next(good, None)


def under_way(hub: Deployment, *, not_among: Sequence[dict[str, Any]] = ()) -> dict[str, Any] | None:
    """A sync whose process works on it."""
    known = {run["runId"] for run in not_among}
    started = (run for run in hub.runs() if run["jobName"] == "sync_stripe" and run["status"] == "STARTED")
    return next((run for run in started if "hub/pid" in run["tags"] and run["runId"] not in known), None)


def launch_sync(hub: Deployment) -> None:
    """Launch a sync as somebody does in the UI: the next tick may be a minute away."""
    assert hub.ask(_LAUNCH, job=_SYNC)["launchRun"]["__typename"] == "LaunchRunSuccess"


def test_schedules_are_kept_by_what_the_files_start_also_after_restarts_and_a_crash(
    production: tuple[Deployment, SandboxHandle],
) -> None:
    hub, sandbox = production
    for name in ("code", "daemon", "webserver"):
        hub.start(name)
    hub.until("the webserver", hub.up)
    sync = hub.until("a sync", lambda: done(hub, "sync_stripe"))
    assert sync["tags"]["dagster/schedule_name"] == "sync_stripe_schedule"
    assert int(sync["tags"]["hub/pid"]) > 0
    hub.until("a build", lambda: done(hub, "build"))
    ((customers,),) = hub.world.ask("SELECT count(*) FROM golden.customer")
    assert customers > 0
    assert [hub.check(name) for name in ("code", "daemon", "webserver")] == [0, 0, 0]
    doctor = hub.hub("doctor")
    assert (doctor.returncode, "Dagster" in doctor.stdout) == (0, True), doctor.stdout + doctor.stderr

    # the daemon is restarted, and the code server is killed together with a sync that is under way
    sandbox.advance(1)
    sandbox.fault("stripe", status=429, retry_after=600, count=50)
    # one that began before the fault may have asked the vendor all it asks, and ends well
    already = hub.runs()
    launch_sync(hub)
    broken = hub.until("a sync that waits for the vendor", lambda: under_way(hub, not_among=already))
    before = hub.runs()
    assert hub.stop("daemon") in (0, -signal.SIGTERM)
    hub.stop("code", signal.SIGKILL, all_of_it=True)
    sandbox.clear_faults()
    for name in ("code", "daemon"):
        hub.start(name, hub.compose_command(name))
    hub.until("a sync after the restart", lambda: done(hub, "sync_stripe", not_among=before))
    assert {run["runId"]: run["status"] for run in hub.runs()}[broken["runId"]] == "FAILURE"

    # viewers see the same and change nothing
    hub.start("viewer")
    viewer = f"http://127.0.0.1:{hub.env_file['HUB_VIEWER_PORT']}"
    hub.until("the viewers' webserver", lambda: hub.ask("{ version }", ui=viewer))
    assert hub.ask(_LAUNCH, ui=viewer, job=_JOB)["launchRun"]["__typename"] == "UnauthorizedError"
    allowed = hub.ask(_PERMISSIONS, ui=viewer)
    assert {one["permission"] for one in allowed["permissions"] if one["value"]} == set()
    (location,) = allowed["workspaceOrError"]["locationEntries"]
    assert {one["permission"] for one in location["permissions"] if one["value"]} == set()
    assert hub.ask("{ runsOrError { ... on Runs { count } } }", ui=viewer)["runsOrError"]["count"] >= len(before)

    # whoever stops the code server lets a sync end
    sandbox.fault("stripe", status=429, retry_after=5, count=1)
    launch_sync(hub)
    last = hub.until("a sync that is under way", lambda: under_way(hub))
    hub.stop("daemon")
    assert hub.stop("code") == 0
    assert {run["runId"]: run["status"] for run in hub.runs()}[last["runId"]] == "SUCCESS"
