"""The two hubs of a week: the one whose sources fail runs under Dagster's daemon, the other is synced by hand, once a day."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from bench.chaos.world import ROOT
from connectors.sandbox.systems import systems

PATIENCE = 1200.0  # seconds for all that a day brings, on however busy a machine
QUIET = 75.0  # seconds in which nothing began, after which nothing more is to come: automation looks every 30
OVER = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
CONTACTS = "contacts.csv"


def config(base_url: str, schedule: str | None, alerts: str | None) -> dict[str, Any]:
    """A hub.yaml of eight vendors and the CRM's export, each with that cron."""
    text = (ROOT / "hub.yaml").read_text().replace("${HUB_SANDBOX_URL:-http://127.0.0.1:8377}", base_url)
    found: dict[str, Any] = yaml.safe_load(text)
    for system in systems():
        os.environ.update(system.env)
        found["sources"][system.name] = {**system.source, "base_url": f"{base_url}/{system.name}"}
    found["sources"]["zendesk"]["exports_per_minute"] = 1000
    fields = {"full_name": "name", "email": "email", "phone": "phone", "city": "city"}
    contacts = {"path": CONTACTS, "kind": "party", "id": "id", "fields": fields, "deletes": "snapshot"}
    found["sources"]["crm"] = {"type": "files", "country": "US", "streams": {"contacts": contacts}}
    found["reporting"]["rates"] = str(ROOT / "rates.csv")
    for source in found["sources"].values():
        source["retry"] = {"attempts": 4, "backoff_seconds": 0.5, "timeout_seconds": 30}
        if schedule:
            source["schedule"] = schedule
    found["schedules"] = {"retries": 1, "retry_after_seconds": 5}
    if alerts:
        os.environ["WEEK_ALERTS"] = alerts
        found["alerts"] = {"channels": [{"name": "ops", "type": "webhook", "url": "${WEEK_ALERTS}"}]}
    return found


def write(root: Path, told: dict[str, Any]) -> None:
    """Write hub.yaml."""
    (root / "hub.yaml").write_text(yaml.safe_dump(told, sort_keys=False))


def export(folder: Path, hub: Path, *, broken: bool = False) -> None:
    """Give a hub the CRM's export of today; of a broken one there is only the line of names."""
    with open(folder / CONTACTS, encoding="utf-8", newline="") as source:
        (hub / CONTACTS).write_text(source.readline() if broken else source.read(), encoding="utf-8", newline="")


def command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`hub`, as a person would call it."""
    argv = [str(Path(sys.executable).with_name("hub")), *arguments]
    return subprocess.run(argv, cwd=root, env=_environment(root), capture_output=True, text=True, check=False)


def _environment(root: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    return kept | {"HUB_CONFIG": str(root / "hub.yaml"), "PYTHONPATH": str(ROOT)}


@contextmanager
def daemon(root: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's daemon over a hub that was synced before, for the length of a with block."""
    home = root / "var" / "dagster"
    argv = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-m", "pipelines.definitions"]
    with open(root / "daemon.log", "ab") as log, dg.DagsterInstance.from_config(str(home)) as instance:
        process = subprocess.Popen(
            argv, cwd=root, env=_environment(root) | {"DAGSTER_HOME": str(home)}, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield instance
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def whole_day(instance: dg.DagsterInstance, sources: list[str], since: datetime) -> dict[str, str]:
    """Wait until each source has a run that began after `since` and is over, and then until nothing more begins.

    Returns:
        Per source, how its last run since then ended.

    Raises:
        TimeoutError: it took longer than `PATIENCE`.
    """
    deadline, last = time.monotonic() + PATIENCE, time.monotonic()
    seen: set[str] = set()
    while time.monotonic() < deadline:
        runs = instance.get_run_records(dg.RunsFilter(created_after=since))
        syncs = {f"sync_{source}": source for source in sources}
        ended = {
            syncs[run.dagster_run.job_name]: run.dagster_run.status.value
            for run in reversed(runs)
            if run.dagster_run.job_name in syncs and run.dagster_run.status in OVER
        }
        others = {run.dagster_run.run_id for run in runs if run.dagster_run.job_name not in syncs}
        at_work = any(run.dagster_run.status not in OVER and run.dagster_run.run_id in others for run in runs)
        if others != seen or at_work or len(ended) < len(sources):
            seen, last = others, time.monotonic()
        if time.monotonic() - last > QUIET:
            return ended
        time.sleep(1)
    raise TimeoutError(f"a day took longer than {PATIENCE:.0f} s; so far {ended}")


def now() -> datetime:
    """The time, of which Dagster asks in UTC; a second is taken off for what began within this one."""
    return datetime.now(UTC) - timedelta(seconds=1)
