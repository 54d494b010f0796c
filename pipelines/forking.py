"""The server that forks a sync's processes: started early, it makes its imports while the command makes its own.

Apart from its neighbours because it must import next to nothing itself.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running


def fork_context() -> ForkServerContext:
    """The context whose processes have what a source's run needs imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipelines.source_runs"])
    return context


def start() -> None:
    """Start the server, if it does not run yet."""
    fork_context()
    ensure_running()
