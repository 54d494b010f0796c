"""Opening DuckDB files: one writer behind a kernel lock, readers of published files, errors that say who is in the way.

DuckDB admits one writing process and keeps readers of the same file out meanwhile; hence the working warehouse is only ever
opened here, and analysts read published files that nobody writes any more.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from hub.contract.errors import NotFoundError, WarehouseAccessError, WarehouseBusyError
from warehouse.locks import POLL_SECONDS, locked
from warehouse.migrations import migrate
from warehouse.settings import WarehouseSettings

# Nothing is downloaded at run time: what DuckDB needs is linked in, and a missing extension is an error, not an installation.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_FRUGAL = "160MB"


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


@contextmanager
def unordered(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Have DuckDB write rows in whatever order they come, for a while: with little memory, else it does so in one thread only."""
    con.execute("SET preserve_insertion_order = false")
    try:
        yield
    finally:
        con.execute("RESET preserve_insertion_order")


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
        WarehouseBusyError: another process holds it and got no further for `lock_timeout_seconds`; names the holder.
        WarehouseAccessError: it cannot be opened or written.
    """
    with locked(settings.path, "lock", settings.lock_timeout_seconds):
        _demand_whole(settings)
        con = _open_for_writing(settings)
        try:
            yield con
        except duckdb.Error as error:
            if not is_of_the_disk(error):
                raise
            raise WarehouseAccessError(
                f"cannot write {settings.path} ({str(error).splitlines()[0].removeprefix('IO Error: ')})",
                remedy="nothing is half done; free disk space or mend permissions, then run hub sync again",
            ) from error
        finally:
            con.close()


def is_of_the_disk(error: duckdb.Error) -> bool:
    """Whether it comes of a disk that is full or cannot be written; at a commit DuckDB says so in an error of another kind."""
    full = any(words in str(error) for words in ("No space left", "failed to offload data block"))
    return full or isinstance(error, duckdb.IOException)


@contextmanager
def settled(settings: WarehouseSettings) -> Iterator[None]:
    """Hold the working warehouse, where there is one, as a whole file that nobody has open: all that was written is in it.

    Raises as `writer` does.
    """
    with locked(settings.path, "lock", settings.lock_timeout_seconds):
        if settings.path.exists():
            con = _open_for_writing(settings)
            try:
                con.execute("CHECKPOINT")
            finally:
                con.close()
        yield


def restore_marker(settings: WarehouseSettings) -> Path:
    """The file that is there while a restore puts things in their places."""
    return settings.path.with_name(".restoring")


def _demand_whole(settings: WarehouseSettings) -> None:
    if restore_marker(settings).exists():
        raise WarehouseAccessError(
            f"a restore into {settings.path.parent} was cut off", remedy="run the same hub restore again, which finishes it"
        )


def _open_for_writing(settings: WarehouseSettings) -> duckdb.DuckDBPyConnection:
    # a foreign process (a DuckDB shell) knows nothing of our lock but holds DuckDB's own
    deadline = time.monotonic() + settings.lock_timeout_seconds
    while True:
        try:
            con = connect(settings.path, memory_limit=settings.memory_limit)
            break
        except WarehouseBusyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(POLL_SECONDS)
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

    It waits ten times as long as a writer for a build that gets no further, which may itself be waiting for a writer. Raises
    `WarehouseBusyError` after that.
    """
    with locked(settings.path, "build.lock", 10 * settings.lock_timeout_seconds):
        yield


@contextmanager
def backing_up(settings: WarehouseSettings) -> Iterator[None]:
    """Hold backups apart, from the copy until older ones are removed. Raises `WarehouseBusyError`."""
    with locked(settings.path, "backup.lock", settings.lock_timeout_seconds):
        yield


@contextmanager
def writing_back(settings: WarehouseSettings) -> Iterator[None]:
    """Hold write-backs apart: what one has sent is noted before another asks what is owed. Raises `WarehouseBusyError`."""
    with locked(settings.path, "writeback.lock", settings.lock_timeout_seconds):
        yield


@contextmanager
def linking(settings: WarehouseSettings) -> Iterator[None]:
    """Hold apart whoever moves the link or what it may point to: publishing, rolling back, pruning. Raises `WarehouseBusyError`."""
    with locked(settings.path, "link.lock", settings.lock_timeout_seconds):
        yield


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
