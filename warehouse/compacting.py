"""DuckDB files written anew: what was deleted lies on in a file until something is written over it; in a fresh copy it is gone.

Whoever has the old file open keeps it until it is closed; its name leads to the new one from then on.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import duckdb

from hub.contract.errors import WarehouseAccessError
from warehouse.connection import connect, is_of_the_disk

_Said = TypeVar("_Said")


def rewritten(path: Path, change: Callable[[duckdb.DuckDBPyConnection], _Said], *, memory_limit: str | None = None) -> _Said:
    """Change a file and write it anew, so that nothing of what it held before is left in it; at once or not at all.

    The caller sees to it that nobody writes the file meanwhile, and that all that was written is in it. It needs room for two more
    of the file.

    Raises:
        WarehouseAccessError: the folder cannot be written.
    """
    fresh, work = (path.with_name(f".{path.name}.{word}.tmp") for word in ("fresh", "work"))
    try:
        for leftover in (fresh, work, *(Path(f"{file}.wal") for file in (fresh, work))):
            leftover.unlink(missing_ok=True)
        shutil.copyfile(path, work)
        con = connect(work, memory_limit=memory_limit)
        try:
            said = change(con)
            con.execute("CHECKPOINT")
        finally:
            con.close()
        _copy(work, fresh, memory_limit)
        with open(fresh, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(fresh, path)
        return said
    except (OSError, duckdb.Error) as error:
        if isinstance(error, duckdb.Error) and not is_of_the_disk(error):
            raise
        raise WarehouseAccessError(
            f"cannot write {path} anew ({str(error).splitlines()[0]})",
            remedy="it is as it was; free disk space for two copies of it or mend permissions, then run this again",
        ) from error
    finally:
        for leftover in (fresh, work, *(Path(f"{file}.wal") for file in (fresh, work))):
            leftover.unlink(missing_ok=True)


def _copy(source: Path, target: Path, memory_limit: str | None) -> None:
    con = connect(None, memory_limit=memory_limit)
    try:
        con.execute(f"ATTACH '{_quoted(source)}' AS source (READ_ONLY)")
        con.execute(f"ATTACH '{_quoted(target)}' AS target")
        con.execute("COPY FROM DATABASE source TO target")
        con.execute("CHECKPOINT target")
    finally:
        con.close()


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
