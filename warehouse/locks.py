"""The kernel locks beside the warehouse: who waits for whom, for how long, and what is said meanwhile.

Whoever holds one shows that it gets on, by touching the lock's file as long as its process computes. So nobody gives up on a build
that takes its time, nor waits for ever for a process that hangs. A lock frees itself when its process ends, however that ends.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from hub.contract.errors import WarehouseAccessError, WarehouseBusyError

POLL_SECONDS = 0.1
_BEAT_SECONDS = 0.5
_HEADWAY_SECONDS = 0.002  # of computing between two beats; an idle process takes less
_SILENT_SECONDS = 5.0  # a wait this short is not worth a word

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
        name: as people are told.
        silent: seconds since it last showed that it gets on.
        dead: whether its process is over; then one that it started still holds the lock.
    """

    name: str
    silent: float
    dead: bool


def holder(warehouse: Path, suffix: str) -> Holder | None:
    """Who holds a lock beside the warehouse at this moment, None if nobody does. Waits for nobody and writes nothing."""
    try:
        handle = open(warehouse.with_name(f"{warehouse.name}.{suffix}"))  # noqa: SIM115 - closed below
    except FileNotFoundError:
        return None
    with handle:
        try:
            # shared, and let go at once: two that ask do not take each other for a holder
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        except BlockingIOError:
            return Holder(_holder(handle), max(0.0, time.time() - os.fstat(handle.fileno()).st_mtime), _is_dead(handle))


def is_running(pid: int) -> bool:
    """Whether a process of this host is there; one that has ended is not, also while nobody has asked for its exit code.

    A process whose parent died stays so until process 1 asks, which in a container may be one that never does.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]  # the name before may hold anything
    except OSError:
        return not Path("/proc/self").exists()  # a system that does not tell, else it has just gone
    return state not in ("Z", "X")


def _is_dead(handle: TextIO) -> bool:
    handle.seek(0)
    with suppress(ValueError, KeyError):
        said = json.loads(handle.read())
        return said["host"] == socket.gethostname() and not is_running(int(said["pid"]))
    return False


@contextmanager
def locked(warehouse: Path, suffix: str, patience: float) -> Iterator[None]:
    """Hold a lock beside the warehouse.

    Args:
        warehouse: the warehouse's file; the lock's is called like it, with a suffix.
        patience: seconds to wait for a holder that gets no further. One that does is waited for as long as it takes.

    Raises:
        WarehouseBusyError: the holder got no further; it is named.
        WarehouseAccessError: the folder cannot be written.
    """
    path = warehouse.with_name(f"{warehouse.name}.{suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = open(path, "a+")  # noqa: SIM115 - closed below, after the lock is let go
    except OSError as error:
        raise WarehouseAccessError(
            f"cannot write beside the warehouse {warehouse} ({error.strerror})",
            remedy="check the folder's permissions and the free disk space",
        ) from error
    with handle:
        _wait(handle, warehouse, patience)
        _sign_in(handle.fileno())
        with _beating(handle.fileno()):
            yield


def _sign_in(file: int) -> None:
    """Say who holds the lock, for those who wait. It is held also where the disk is too full to say so."""
    who = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat()}
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.write(file, json.dumps(who).encode())


def _wait(handle: TextIO, warehouse: Path, patience: float) -> None:
    began = moved = time.monotonic()
    sign, told = _sign(handle), False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        now = time.monotonic()
        if (seen := _sign(handle)) != sign:
            sign, moved = seen, now
        if now >= moved + patience:
            raise WarehouseBusyError(
                f"warehouse {warehouse} is being written by {_holder(handle)}, which got no further for {patience:.0f} s;"
                f" waited {now - began:.0f} s",
                remedy="wait for it to end, or end it if it hangs, then run this again",
            )
        if not told and now >= began + _SILENT_SECONDS:
            log.warning("waiting for %s to be done with the warehouse %s", _holder(handle), warehouse)
            told = True
        time.sleep(POLL_SECONDS)


def _sign(handle: TextIO) -> int:
    """What differs when the holder got on, or another one came."""
    return os.fstat(handle.fileno()).st_mtime_ns


def _holder(handle: TextIO) -> str:
    handle.seek(0)
    with suppress(ValueError, KeyError):
        said = json.loads(handle.read())
        return f"process {said['pid']} on {said['host']} since {said['since']}"
    return "another process"


@contextmanager
def _beating(file: int) -> Iterator[None]:
    """Touch a file as long as this process computes."""
    over = threading.Event()

    def beat() -> None:
        worked = time.process_time()
        while not over.wait(_BEAT_SECONDS):
            if (now := time.process_time() - time.thread_time()) - worked >= _HEADWAY_SECONDS:
                with suppress(OSError):
                    os.utime(file)
            worked = now

    beating = threading.Thread(target=beat, name="lock", daemon=True)
    beating.start()
    try:
        yield
    finally:
        over.set()
        beating.join()
