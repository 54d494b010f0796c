"""Dagster runs of sources: one in this process, or several side by side, in processes of their own.

A source is mostly waited for, so several are read at a time. Threads will not do: Dagster's in-process execution shares logging and
SQLite between threads in a way that ends in a deadlock. A process that dies takes only the source with it that it reads just then.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import dagster as dg

from hub.contract.errors import HubError
from pipelines import forking
from pipelines.config import HubConfig
from pipelines.context import Hub
from pipelines.definitions import build_defs
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


@dataclass(frozen=True)
class Reader:
    """A process that reads one source after the other, and this end of the pipe to it."""

    asked: Connection
    process: Any


@contextmanager
def forked_readers(hub: Hub, defs: dg.Definitions, number: int) -> Iterator[list[Reader]]:
    """Readers that are copies of this process, with all it has imported and defined, so that none takes time to start.

    Args:
        hub: has opened nothing yet; a connection must not be used on both sides of a fork.
        number: how many. They wait until `sync_side_by_side` asks them.
    """
    forking.make_imports()
    context = multiprocessing.get_context("fork")
    readers: list[Reader] = []
    for _ in range(number):
        ours, theirs = context.Pipe()
        others = [*(reader.asked for reader in readers), ours]
        process = context.Process(target=_read_as_forked, args=(theirs, hub, defs, others), name="reader")
        process.start()
        theirs.close()
        readers.append(Reader(ours, process))
    try:
        yield readers
    finally:
        for reader in readers:
            reader.asked.close()  # whoever waits for a source takes this for the end
            reader.process.join()


def sync_side_by_side(
    config: HubConfig, sources: Sequence[str], batch: str, options: SyncOptions, at_a_time: int, ready: Sequence[Reader] = ()
) -> dict[str, str | None]:
    """Run several sources' jobs, so many at a time; per source None, or the one line to tell of it.

    Args:
        ready: readers that are there already.
    """
    waiting, idle, said = list(sources), list(ready), dict[str, str | None]()
    busy: dict[Connection, tuple[str, Reader]] = {}  # a reader's end of its pipe -> what it reads, and itself

    def hand_on(reader: Reader) -> None:
        source = waiting.pop(0) if waiting else None
        with suppress(ConnectionError):  # one that died between two sources; its end is seen below
            reader.asked.send(source and (source, batch, options))
        if source is not None:
            busy[reader.asked] = source, reader
        else:
            reader.process.join()
            reader.asked.close()

    while waiting or busy:
        while waiting and len(busy) < at_a_time:
            hand_on(idle.pop(0) if idle else _reader(config))
        for asked in [connection for connection in wait(list(busy)) if isinstance(connection, Connection)]:
            source, reader = busy.pop(asked)
            try:
                said[source] = asked.recv()
            except (EOFError, ConnectionResetError):
                reader.process.join()
                asked.close()
                said[source] = (
                    f"{source}: its process ended with {reader.process.exitcode}; run the sync again, it goes on where it stopped"
                )
            else:
                hand_on(reader)
    return {source: said[source] for source in sources}


def _reader(config: HubConfig) -> Reader:
    """One more reader, from the server that forks."""
    context = forking.fork_context()
    ours, theirs = context.Pipe()
    process = context.Process(target=_read_anew, args=(theirs, config, dict(os.environ)), name="reader")
    process.start()
    theirs.close()
    return Reader(ours, process)


def _read_anew(asked: Connection, config: HubConfig, environment: Mapping[str, str]) -> None:
    # the server that forks has the environment of when it was started
    os.environ.clear()
    os.environ.update(environment)
    configure()
    _read(asked, Hub(config), None)


def _read_as_forked(asked: Connection, hub: Hub, defs: dg.Definitions, others: Sequence[Connection]) -> None:
    gc.freeze()  # else the first collection would write to all that was there, which is shared until then
    for other in others:
        other.close()  # whose end is seen once nobody has it any more
    _read(asked, hub, defs)


def _read(asked: Connection, hub: Hub, defs: dg.Definitions | None) -> None:
    """Read one source after the other: opening Dagster's instance anew for each takes longer than many a source."""
    threading.Thread(target=_end_with_command, name="end with the command", daemon=True).start()
    with ExitStack() as stack:
        stack.callback(hub.close)
        instance: dg.DagsterInstance | None = None
        while (request := _next(asked)) is not None:
            try:
                defs = defs or build_defs(hub)
                instance = instance or stack.enter_context(open_instance(hub.config))
                said = sync_source(hub, defs, instance, *request)
            except HubError as error:
                said = str(error)  # the line itself, not that a process ended
            with suppress(ConnectionError):  # a command that was interrupted listens no more
                asked.send(said)


def _next(asked: Connection) -> tuple[str, str, SyncOptions] | None:
    """What to read next, None at the end: the command's, or of those who interrupt it while nothing is read here."""
    try:
        request: tuple[str, str, SyncOptions] | None = asked.recv()
    except (EOFError, KeyboardInterrupt):
        return None
    return request


def _end_with_command() -> None:
    """End this process at once when the command that asked for it is gone, however that was killed.

    Nobody is left to take what it says, and what it waits for may never come: a pool slot that a dead run holds is freed by the
    next command. Ending so costs no more than being killed itself: the next sync goes on where it stopped.
    """
    command = multiprocessing.parent_process()
    if command is not None:
        command.join()
        os._exit(1)
