"""Each hub's own Dagster instance, made from a packaged template, and the clearing away of runs whose process died."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from hub.contract.errors import WarehouseAccessError
from pipelines.config import HubConfig
from warehouse.locks import is_running

log = logging.getLogger(__name__)
HOST_TAG, PROCESS_TAG, BOOT_TAG, STARTED_TAG = "hub/host", "hub/pid", "hub/boot", "hub/started"
# what a command's steps print is there on its terminal; capturing it takes Dagster four processes a step
_UNCAPTURED = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
_CLEARED_EVERY = 10.0  # seconds
WORKER_TAG = "hub/worker"  # its ID, on a run that the daemon launched and whose process noted itself


def ensure_home(config: HubConfig) -> Path:
    """The instance's folder, made with its dagster.yaml if it is not there; `DAGSTER_HOME` points to it from now on.

    Raises:
        WarehouseAccessError: the folder cannot be written.
    """
    home = config.home.absolute()
    settings = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not settings.exists():
            template = files("pipelines").joinpath("dagster.template.yaml").read_text()
            settings.write_text(template.replace("{home}", str(home)))
    except OSError as error:
        raise WarehouseAccessError(
            f"cannot write Dagster's folder {home} ({error.strerror})",
            remedy="mend its permissions, or set DAGSTER_HOME to another",
        ) from error
    os.environ["DAGSTER_HOME"] = str(home)
    return home


@contextmanager
def open_instance(config: HubConfig) -> Iterator[dg.DagsterInstance]:
    """The hub's Dagster instance.

    Raises:
        WarehouseAccessError: its folder cannot be written, or its storage cannot be opened.
    """
    home = ensure_home(config)
    with _alone(home):
        instance = _opened(home)
    with instance:
        yield instance


@contextmanager
def working_instance(config: HubConfig) -> Iterator[dg.DagsterInstance]:
    """The same for a command that runs jobs: what dead processes left is cleared away first, and again and again until the end.

    For a process may also die later, while a step here waits for the pool slot that it holds, which it would for ever.

    Raises:
        WarehouseAccessError: as `open_instance`.
    """
    with open_instance(config) as instance:
        clear_dead_runs(instance)
        over = threading.Event()
        clearing = threading.Thread(target=_keep_clearing, args=(instance, over), name="clear dead runs", daemon=True)
        clearing.start()
        try:
            yield instance
        finally:
            over.set()
            clearing.join()


def _keep_clearing(instance: dg.DagsterInstance, over: threading.Event) -> None:
    while not over.wait(_CLEARED_EVERY):
        try:
            clear_dead_runs(instance)
        except Exception as error:  # whatever Dagster's storage raises; the work itself meets it too, and says so
            log.warning("looking for dead runs failed with %s; trying again", type(error).__name__)


def _opened(home: Path) -> dg.DagsterInstance:
    try:
        return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides={"compute_logs": _UNCAPTURED}))
    except Exception as error:  # each storage has errors of its own
        raise WarehouseAccessError(
            f"the Dagster instance in {home} cannot be opened ({_reason(error)})",
            remedy=f"mend what {home / 'dagster.yaml'} and the environment say of its storage, or see that its server runs",
        ) from error


def _reason(error: BaseException) -> str:
    unset = re.search(r'environment variable "(\w+)" which is not set', str(error))
    if unset:
        return f"environment variable {unset.group(1)} is not set"
    while error.__cause__ is not None:
        error = error.__cause__
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One process at a time: two that make its databases at once leave them with two versions, which nobody can open."""
    with open(home / "opening.lock", "a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def process_tags() -> dict[str, str]:
    """Tags that tell whether the process of a run is still alive."""
    pid = os.getpid()
    return {HOST_TAG: socket.gethostname(), PROCESS_TAG: str(pid), BOOT_TAG: _boot_id(), STARTED_TAG: _started(pid)}


def worker_tags(run_id: str) -> dict[str, str]:
    """The same, by which a process that the daemon had launched for a run notes that it works on it.

    Args:
        run_id: the run's. What repeats a run begins with its tags; only with its own ID in them do they speak of it.
    """
    return {**process_tags(), WORKER_TAG: run_id}


def process_died(run: dg.DagsterRun) -> bool:
    """Whether the process that works on a run is no more. Not known of one that is repeated, until it has noted its own."""
    own = run.parent_run_id is None or run.tags.get(WORKER_TAG) == run.run_id
    return own and _is_dead(run.tags)


def is_of_a_command(run: dg.DagsterRun) -> bool:
    """Whether a process of `hub` works on it. What is run in place of one that died has the dead one's tags."""
    return PROCESS_TAG in run.tags and WORKER_TAG not in run.tags and run.parent_run_id is None


def clear_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail the runs of this host whose process is dead, and free the pool slots of all that are over: they hold them for good.

    Returns:
        The IDs of the runs that were failed.
    """
    dead = dead_runs(instance)
    for run in dead:
        instance.report_run_failed(run, message="its process died before it ended; the next sync goes on where it stopped")
    for run_id in {run.run_id for run in dead}.union(*stuck_slots(instance).values()):
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return [run.run_id for run in dead]


def dead_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that are under way by the instance, and whose process is dead."""
    status = dg.DagsterRunStatus
    under_way = dg.RunsFilter(statuses=[status.NOT_STARTED, status.STARTING, status.STARTED, status.CANCELING])
    return [run for run in instance.get_runs(under_way) if process_died(run)]


def stuck_slots(instance: dg.DagsterInstance) -> dict[str, set[str]]:
    """Per pool, the runs that hold slots of it although they are over or gone."""
    storage = instance.event_log_storage
    found: dict[str, set[str]] = {}
    for pool in storage.get_concurrency_keys() if storage.supports_global_concurrency_limits else ():
        for run_id in storage.get_concurrency_info(pool).active_run_ids:
            run = instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                found.setdefault(pool, set()).add(run_id)
    return found


def _is_dead(tags: Mapping[str, str]) -> bool:
    if tags.get(HOST_TAG) != socket.gethostname() or PROCESS_TAG not in tags:
        return False
    if tags.get(BOOT_TAG) != _boot_id():
        return True
    pid = int(tags[PROCESS_TAG])
    if not is_running(pid):
        return True
    # in a container that was started again a number is soon another process's
    began = _started(pid)
    return bool(began) and tags.get(STARTED_TAG, began) != began


def _boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip()[:8] if path.exists() else ""


def _started(pid: int) -> str:
    """When a process of this host began, in the kernel's ticks; empty where that is not told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]  # the name before may hold anything
