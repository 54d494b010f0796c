"""Dagster runs of sources: one in this process, or several side by side, each in a process of its own.

A source is mostly waited for, so several are read at a time. Threads will not do: Dagster's in-process execution shares logging and
SQLite between threads in a way that ends in a deadlock. A process that dies takes only its own source with it.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import dagster as dg

from hub.contract.errors import HubError
from pipelines.config import HubConfig
from pipelines.context import Hub
from pipelines.definitions import build_defs
from pipelines.forking import fork_context
from pipelines.instance import open_instance, process_tags
from pipelines.jobs import sync_job_name
from pipelines.logs import configure
from pipelines.raw_assets import BATCH_TAG, raw_key


@dataclass(frozen=True)
class SyncOptions:
    """What a sync is asked for."""

    sources: tuple[str, ...] = ()  # empty: all enabled ones
    full: bool = False
    limit: int | None = None
    since: str | None = None  # with until: a backfill, see `SyncRequest`
    until: str | None = None
    accept_schema: bool = False
    streams: tuple[str, ...] = ()  # of the one source that is named; empty: all


def quiet() -> dict[str, Any]:
    """Run config that keeps a run's events for the instance, where the UI shows them: the terminal belongs to the command."""
    return {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def sync_source(
    hub: Hub, defs: dg.Definitions, instance: dg.DagsterInstance, source: str, batch: str, options: SyncOptions
) -> str | None:
    """Run one source's job here; the one line to tell of it if it failed."""
    job = defs.resolve_job_def(sync_job_name(source))
    names = ("full", "limit", "since", "until", "accept_schema")
    asked = {name: value for name in names if (value := getattr(options, name))}
    chosen = [raw_key(source, stream) for stream in options.streams]
    steps = [key.to_python_identifier() for key in chosen] or [node.name for node in job.nodes]
    result = job.execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_config={"ops": {step: {"config": asked} for step in steps} if asked else {}, **quiet()},
        tags={BATCH_TAG: batch, **process_tags()},
        asset_selection=chosen or None,
    )
    return None if result.success else why(result)


def why(result: dg.ExecuteInProcessResult) -> str:
    """The one line of the first step of a run that failed."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data and data.user_failure_data.description:
                return data.user_failure_data.description
            error = data.error
            cause = error.cause if error is not None and error.cause is not None else error
            return cause.message.strip().splitlines()[0] if cause is not None else "the step failed"
    return "the run failed; see it in the Dagster UI"


def sync_side_by_side(
    config: HubConfig, sources: Sequence[str], batch: str, options: SyncOptions, at_a_time: int
) -> dict[str, str | None]:
    """Run several sources' jobs, so many at a time; per source None, or the one line to tell of it."""
    context = fork_context()
    waiting, said = list(sources), dict[str, str | None]()
    running: dict[Connection, tuple[str, Any]] = {}
    while waiting or running:
        while waiting and len(running) < at_a_time:
            source = waiting.pop(0)
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_child, args=(theirs, config, source, batch, options, dict(os.environ)), name=source)
            process.start()
            theirs.close()
            running[ours] = source, process
        ready = wait(list(running))
        for ours in [connection for connection in running if connection in ready]:
            source, process = running.pop(ours)
            try:
                said[source] = ours.recv()
            except EOFError:
                process.join()
                said[source] = (
                    f"{source}: its process ended with {process.exitcode}; run the sync again, it goes on where it stopped"
                )
            ours.close()
            process.join()
    return {source: said[source] for source in sources}


def _child(
    told: Connection, config: HubConfig, source: str, batch: str, options: SyncOptions, environment: Mapping[str, str]
) -> None:
    # the server that forks has the environment of when it was started
    os.environ.clear()
    os.environ.update(environment)
    configure()
    threading.Thread(target=_end_with_command, name="end with the command", daemon=True).start()
    hub = Hub(config)
    try:
        with open_instance(config) as instance:
            told.send(sync_source(hub, build_defs(hub), instance, source, batch, options))
    except HubError as error:
        told.send(str(error))  # the line itself, not that a process ended
    finally:
        hub.close()


def _end_with_command() -> None:
    """End this process at once when the command that asked for it is gone, however that was killed.

    Nobody is left to take what it says, and what it waits for may never come: a pool slot that a dead run holds is freed by the
    next command. Ending so costs no more than being killed itself: the next sync goes on where it stopped.
    """
    command = multiprocessing.parent_process()
    if command is not None:
        command.join()
        os._exit(1)
