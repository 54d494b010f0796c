"""The folder through which the hub and the executors hand each other Parquet. Nothing of it outlives the linkage it was for.

It holds what the warehouse holds, people's data, so a folder that a killed process left is removed by the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.contract.errors import ConfigError
from hub.identity.sql import Connection

_PREFIX, _LOCK = "linkage-", "lock"


@dataclass(frozen=True)
class Exchange:
    """One linkage's part of the folder; a relation is a folder of Parquet files within."""

    folder: Path

    def uri(self, relation: str) -> str:
        """The relation's place, as Spark names it, whatever file system it takes for its default."""
        return (self.folder / relation).as_uri()

    def put(self, con: Connection, relation: str, query: str) -> None:
        """Writes the rows of a query, in place of what the relation held."""
        (self.folder / relation).mkdir(exist_ok=True)
        con.execute(f"COPY ({query}) TO '{self._quoted(relation)}/part.parquet' (FORMAT parquet, ROW_GROUP_SIZE 100_000)")

    def got(self, relation: str) -> str:
        """The relation, as DuckDB reads it."""
        return f"read_parquet('{self._quoted(relation)}/*.parquet')"

    def _quoted(self, relation: str) -> str:
        return str(self.folder / relation).replace("'", "''")


@contextmanager
def exchange(within: Path | None, *, shared: bool) -> Iterator[Exchange]:
    """A new folder within this one (or the system's for temporary files), and its end.

    Args:
        shared: other machines and users work in it, so that its access is the surrounding folder's.

    Raises:
        ConfigError: it cannot be made.
    """
    within = within or Path(tempfile.gettempdir())
    folder = within / f"{_PREFIX}{uuid.uuid4().hex}"
    try:
        within.mkdir(parents=True, exist_ok=True)
        _sweep(within)
        folder.mkdir(mode=0o777 if shared else 0o700)
        held = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise ConfigError(
            f"cannot write in {within} ({error.strerror})",
            field="identity.spark.exchange",
            remedy="name a folder that the hub and all executors can write",
        ) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield Exchange(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _sweep(within: Path) -> None:
    """Removes what killed processes left: folders whose lock nobody holds."""
    for left in within.glob(f"{_PREFIX}*/{_LOCK}"):
        try:
            lock = os.open(left, os.O_RDWR)
        except OSError:
            continue  # another user's, or gone by now
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left.parent, ignore_errors=True)
        except BlockingIOError:
            continue  # its linkage is under way
        finally:
            os.close(lock)
