"""Dagster runs of sources: one in this process, or several side by side, in processes of their own.

A source is mostly waited for, so several are read at a time. Threads will not do: Dagster's in-process execution shares logging and
SQLite between threads in a way that ends in a deadlock. A process that dies takes only the source with it that it reads just then.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
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
    waiting, said = list(sources), dict[str, str | None]()
    busy: dict[Connection, tuple[str, Any]] = {}  # a reader's end of its pipe -> what it reads, and its process

    def hand_on(reader: Connection, process: Any) -> None:
        source = waiting.pop(0) if waiting else None
        with suppress(ConnectionError):  # one that died between two sources; its end is seen below
            reader.send(source)
        if source is not None:
            busy[reader] = source, process
        else:
            process.join()
            reader.close()

    while waiting or busy:
        while waiting and len(busy) < at_a_time:
            hand_on(*_reader(config, batch, options))
        for reader in [connection for connection in wait(list(busy)) if isinstance(connection, Connection)]:
            source, process = busy.pop(reader)
            try:
                said[source] = reader.recv()
            except (EOFError, ConnectionResetError):
                process.join()
                reader.close()
                said[source] = (
                    f"{source}: its process ended with {process.exitcode}; run the sync again, it goes on where it stopped"
                )
            else:
                hand_on(reader, process)
    return {source: said[source] for source in sources}


def _reader(config: HubConfig, batch: str, options: SyncOptions) -> tuple[Connection, Any]:
    """A process that reads one source after the other: opening Dagster's instance anew for each takes longer than many a source."""
    context = fork_context()
    ours, theirs = context.Pipe()
    process = context.Process(target=_read, args=(theirs, config, batch, options, dict(os.environ)), name="reader")
    process.start()
    theirs.close()
    return ours, process


def _read(asked: Connection, config: HubConfig, batch: str, options: SyncOptions, environment: Mapping[str, str]) -> None:
    # the server that forks has the environment of when it was started
    os.environ.clear()
    os.environ.update(environment)
    configure()
    threading.Thread(target=_end_with_command, name="end with the command", daemon=True).start()
    hub = Hub(config)
    with ExitStack() as stack:
        stack.callback(hub.close)
        opened: tuple[dg.Definitions, dg.DagsterInstance] | None = None
        while (source := asked.recv()) is not None:
            try:
                opened = opened or (build_defs(hub), stack.enter_context(open_instance(config)))
                asked.send(sync_source(hub, *opened, source, batch, options))
            except HubError as error:
                asked.send(str(error))  # the line itself, not that a process ended


def _end_with_command() -> None:
    """End this process at once when the command that asked for it is gone, however that was killed.

    Nobody is left to take what it says, and what it waits for may never come: a pool slot that a dead run holds is freed by the
    next command. Ending so costs no more than being killed itself: the next sync goes on where it stopped.
    """
    command = multiprocessing.parent_process()
    if command is not None:
        command.join()
        os._exit(1)
