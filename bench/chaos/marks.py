"""Where a sync is, told by itself into a file: in the process of `hub sync` and, by being preloaded, in those of its readers.

Nothing else of the hub's is touched. A mark is one line, ``<monotonic seconds> <pid> <stage>``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from pipelines import build_assets, gate_checks, ingest, instance, runner, source_runs

MARKS = "HUB_CHAOS_MARKS"  # the file
BOOT = "HUB_CHAOS_BOOT"  # how often the machine was started, which the kernel's boot ID stands for
# stages in which a kill may fall, in their order; `reading` and `done` only say that nothing of another stage is under way
START, EXTRACTION, RAW, STAGING, IDENTITY, GOLDEN, GATE, PUBLISH, END = (
    "start",
    "extraction",
    "raw",
    "staging",
    "identity",
    "golden",
    "gate",
    "publish",
    "end",
)
STAGES = (START, EXTRACTION, RAW, STAGING, IDENTITY, GOLDEN, GATE, PUBLISH, END)


def mark(stage: str) -> None:
    """Say that this process enters a stage."""
    if MARKS in os.environ:
        line = f"{time.monotonic():.6f} {os.getpid()} {stage}\n"
        handle = os.open(os.environ[MARKS], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(handle, line.encode())
        os.close(handle)


def _marked(module: Any, name: str, stage: str, after: str | None = None) -> None:
    work: Callable[..., Any] = getattr(module, name)

    @wraps(work)
    def marked(*arguments: Any, **named: Any) -> Any:
        mark(stage)
        try:
            return work(*arguments, **named)
        finally:
            if after is not None:
                mark(after)

    setattr(module, name, marked)


def install() -> None:
    """Have this process tell where it is, from now on."""
    instance._boot_id = lambda: os.environ.get(BOOT, "0")
    _marked(runner, "sync_side_by_side", EXTRACTION, START)
    _marked(runner, "sync_source", EXTRACTION, START)
    _marked(source_runs, "sync_source", EXTRACTION)
    _marked(ingest.raw, "load", RAW, EXTRACTION)
    _marked(build_assets, "stage", STAGING)
    _marked(build_assets, "resolve_identity", IDENTITY)
    _marked(build_assets, "build", GOLDEN)
    _marked(gate_checks, "judge_candidate", GATE)
    _marked(build_assets, "publish_candidate", PUBLISH)
    _marked(runner, "evaluate_after_sync", END)


install()
