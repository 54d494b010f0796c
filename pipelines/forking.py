"""The server that forks a sync's processes: started early, it makes its imports while the command makes its own.

Apart from its neighbours because it must import next to nothing itself.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running

# what Dagster imports when it opens an instance, which would take each process half a second; one that is not there is passed over
_OPENING = (
    "alembic.command",
    "dagster._core.execution.backfill",
    "dagster._core.instance.factory",
    "dagster._core.storage.base_storage",
    "dagster._core.storage.event_log.sqlite",
    "dagster._core.storage.migration.utils",
    "dagster._core.storage.noop_compute_log_manager",
    "dagster._core.storage.root",
    "dagster._core.storage.runs.sqlite",
    "dagster._core.storage.schedules.sqlite",
    "upath.core",
    "upath.implementations.local",
)


def fork_context() -> ForkServerContext:
    """The context whose processes have what a source's run needs imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipelines.source_runs", *_OPENING])
    return context


def start() -> None:
    """Start the server, if it does not run yet."""
    fork_context()
    ensure_running()
