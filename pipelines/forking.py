"""How the processes come about in which a sync reads its sources: forked by the command itself, or by a server that does only this.

A command forks them while nothing of it is open, so that what it has imported and defined is there for all of them. Where that
cannot be, there is the server: started early, it makes its imports while the command makes its own. Apart from its neighbours
because it must import next to nothing itself.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
from contextlib import suppress
from importlib import import_module
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


def forks_itself() -> bool:
    """Whether this process may fork: other threads would be missing in the new process, with whatever they have locked just then.

    Elsewhere than on Linux systems' own libraries have threads that Python does not know.
    """
    return sys.platform == "linux" and threading.active_count() == 1


def make_imports() -> None:
    """Import here what a process that is forked from this one will need."""
    for name in _OPENING:
        with suppress(ImportError):
            import_module(name)


def fork_context() -> ForkServerContext:
    """The context whose processes have what a source's run needs imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipelines.source_runs", *_OPENING])
    return context


def start() -> None:
    """Start the server, if it does not run yet."""
    fork_context()
    ensure_running()
