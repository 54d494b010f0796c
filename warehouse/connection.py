"""Opening DuckDB files: one writer behind a kernel lock, readers of published files, errors that say who is in the way.

DuckDB admits one writing process and keeps readers of the same file out meanwhile; hence the working warehouse is only ever
opened here, and analysts read published files that nobody writes any more.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import duckdb

from hub.contract.errors import NotFoundError, WarehouseAccessError, WarehouseBusyError
from warehouse.migrations import migrate
from warehouse.settings import WarehouseSettings

# Nothing is downloaded at run time: what DuckDB needs is linked in, and a missing extension is an error, not an installation.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_POLL_SECONDS = 0.1
_FRUGAL = "220MB"


def connect(path: Path | None, *, read_only: bool = False, memory_limit: str | None = None) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file (None: in memory) in UTC.

    Raises:
        WarehouseBusyError: another process has it open.
        WarehouseAccessError: it cannot be opened, or is no DuckDB file.
    """
    config = dict(_CONFIG) | ({"memory_limit": memory_limit} if memory_limit else {})
    try:
        con = duckdb.connect(str(path) if path else ":memory:", read_only=read_only, config=config)
    except duckdb.Error as error:
        raise _open_error(path, error) from error
    con.execute("SET TimeZone = 'UTC'")
    if memory_limit:
        con.execute("SET VARIABLE memory_limit = ?", [memory_limit])  # what a setting was is not told exactly later
    return con


@contextmanager
def frugal(con: duckdb.DuckDBPyConnection, limit: str = _FRUGAL) -> Iterator[None]:
    """Have DuckDB make do with little memory for a while, and use the disk beside its file for more.

    For statements that pass much data on and compute little: without a limit DuckDB fills most of the machine's memory for them,
    and is hardly faster. A limit in hub.yaml that is lower stays.
    """
    low = "SELECT parse_formatted_bytes(current_setting('memory_limit')) <= parse_formatted_bytes(?)"
    if con.execute(low, [limit]).fetchall()[0][0]:
        yield
        return
    con.execute(f"SET memory_limit = '{limit}'")
    try:
        yield
    finally:
        usual = con.execute("SELECT getvariable('memory_limit')").fetchall()[0][0]
        con.execute(f"SET memory_limit = '{usual}'" if usual else "RESET memory_limit")


def _open_error(path: Path | None, error: duckdb.Error) -> WarehouseBusyError | WarehouseAccessError:
    text = str(error)
    if "lock" in text.lower():
        holder = re.search(r"\(PID (\d+)\)", text)
        who = f"process {holder.group(1)}" if holder else "another process"
        return WarehouseBusyError(f"{path} is open in {who}", remedy="close it there, then run this again")
    reason = text.splitlines()[0].removeprefix("IO Error: ")
    return WarehouseAccessError(
        f"cannot open {path} ({reason})", remedy="check the file, its folder's permissions and the free disk space"
    )


@contextmanager
def writer(settings: WarehouseSettings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The one way to write the working warehouse: waits its turn, opens it with an up-to-date schema, closes it.

    Raises:
        WarehouseBusyError: another process held it for longer than the bounded wait; names the holder.
        WarehouseAccessError: it cannot be opened or written.
    """
    with _locked(settings, "lock", settings.lock_timeout_seconds) as deadline:
        con = _open_for_writing(settings, deadline)
        try:
            yield con
        except duckdb.IOException as error:
            raise WarehouseAccessError(
                f"cannot write {settings.path} ({str(error).splitlines()[0].removeprefix('IO Error: ')})",
                remedy="nothing is half done; free disk space or mend permissions, then run hub sync again",
            ) from error
        finally:
            con.close()


def _open_for_writing(settings: WarehouseSettings, deadline: float) -> duckdb.DuckDBPyConnection:
    # a foreign process (a DuckDB shell) knows nothing of our lock but holds DuckDB's own: wait for it just as long
    while True:
        try:
            con = connect(settings.path, memory_limit=settings.memory_limit)
            break
        except WarehouseBusyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_POLL_SECONDS)
    try:
        migrate(con)
    except duckdb.Error as error:
        con.close()
        raise _open_error(settings.path, error) from error
    except BaseException:
        con.close()
        raise
    return con


@contextmanager
def building(settings: WarehouseSettings) -> Iterator[None]:
    """Hold builds apart: whoever builds a load holds this from the look at what is needed until it is published or held.

    It waits ten times as long as a writer does, since a whole build may come first. Raises `WarehouseBusyError` after that.
    """
    with _locked(settings, "build.lock", 10 * settings.lock_timeout_seconds):
        yield


@contextmanager
def linking(settings: WarehouseSettings) -> Iterator[None]:
    """Hold apart whoever moves the link or what it may point to: publishing, rolling back, pruning. Raises `WarehouseBusyError`."""
    with _locked(settings, "link.lock", settings.lock_timeout_seconds):
        yield


@contextmanager
def _locked(settings: WarehouseSettings, suffix: str, patience: float) -> Iterator[float]:
    """Hold a kernel lock beside the warehouse; it frees itself when the process dies. Yields the deadline of the wait."""
    path = settings.path.with_name(f"{settings.path.name}.{suffix}")
    deadline = time.monotonic() + patience
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = open(path, "a+")  # noqa: SIM115 - closed below, after the lock is let go
    except OSError as error:
        raise WarehouseAccessError(
            f"cannot write beside the warehouse {settings.path} ({error.strerror})",
            remedy="check the folder's permissions and the free disk space",
        ) from error
    with handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise WarehouseBusyError(
                        f"warehouse {settings.path} is being written by {_holder(handle)}; waited {patience:.0f} s",
                        remedy="wait for it to end, then run this again",
                    ) from None
                time.sleep(_POLL_SECONDS)
        handle.truncate(0)
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat()}, handle)
        handle.flush()
        yield deadline


def _holder(handle: TextIO) -> str:
    handle.seek(0)
    with suppress(ValueError, KeyError):
        said = json.loads(handle.read())
        return f"process {said['pid']} on {said['host']} since {said['since']}"
    return "another process"


@contextmanager
def published(settings: WarehouseSettings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The load that analysts see, read-only; the session keeps it even if a new one is published meanwhile.

    Raises:
        NotFoundError: nothing was published yet.
    """
    if not settings.golden.exists():
        raise NotFoundError(f"nothing is published yet at {settings.golden}", remedy="run hub sync first")
    con = connect(settings.golden.resolve(), read_only=True)
    try:
        yield con
    finally:
        con.close()
