"""Going back to an earlier published load: its file is brought up to what must never be forgotten, then the link is repointed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb

from hub.contract.errors import ConfigError, NotFoundError, WarehouseAccessError
from warehouse.connection import connect, is_of_the_disk
from warehouse.publish import kept_loads, live_load, load_file, repoint
from warehouse.settings import WarehouseSettings

KEPT, LEFT = "kept", "newer"  # the names under which the two loads are attached


def load_before(settings: WarehouseSettings, load_id: str | None) -> str:
    """The load to go back to: the one named, else the newest kept one that is older than the live one.

    Raises:
        NotFoundError: nothing is published, there is no older one, or the one named is not kept.
        ConfigError: it is the live one.
    """
    live, kept = live_load(settings), kept_loads(settings)
    if live is None:
        raise NotFoundError("nothing is published yet", remedy="run hub sync first")
    if load_id is None:
        older = [load for load in kept if load < live]
        if not older:
            raise NotFoundError(
                f"no load older than {live} is kept", remedy="see hub loads; warehouse.keep_loads says how many are kept"
            )
        return older[-1]
    if load_id == live:
        raise ConfigError(f"load {load_id} is what analysts see already", remedy="see hub loads for others")
    if load_id not in kept:
        raise NotFoundError(f"load {load_id} is not kept", remedy=f"kept are {', '.join(kept)}")
    return load_id


def go_back(
    settings: WarehouseSettings,
    load_id: str,
    carry: Callable[[duckdb.DuckDBPyConnection, str, str], int],
    share: Callable[[Path], None] | None = None,
) -> int:
    """Let the link point to a kept load again; the number of IDs that had to be carried over to it.

    The caller holds `linking`. Sessions that have either file open keep what they read.

    Args:
        carry: (connection, schema of identity in the earlier load, the same in the live one) -> IDs added to the earlier.
        share: called with the file before anybody sees it; makes what is shared of it.

    Raises:
        WarehouseAccessError: a file cannot be read or written; the link stays.
    """
    file, temporary = load_file(settings, load_id), settings.published / f".golden-{load_id}.duckdb.tmp"
    try:
        for leftover in settings.published.glob(f".golden-{load_id}.*"):
            leftover.unlink()
        shutil.copyfile(file, temporary)
        con = connect(None, memory_limit=settings.memory_limit)
        try:
            con.execute(f"ATTACH '{_quoted(str(temporary))}' AS {KEPT}")
            con.execute(f"ATTACH '{_quoted(str(settings.golden.resolve()))}' AS {LEFT} (READ_ONLY)")
            con.execute("BEGIN")
            carried = carry(con, f"{KEPT}.identity", f"{LEFT}.identity")
            con.execute("COMMIT")
            con.execute(f"CHECKPOINT {KEPT}")
        finally:
            con.close()
        if share is not None:
            share(temporary)
        if carried:
            with open(temporary, "rb") as handle:
                os.fsync(handle.fileno())
            os.replace(temporary, file)
        else:
            temporary.unlink()
        repoint(settings, load_id)
    except (OSError, duckdb.Error) as error:
        if isinstance(error, duckdb.Error) and not is_of_the_disk(error):
            raise
        raise WarehouseAccessError(
            f"cannot go back to load {load_id} ({str(error).splitlines()[0]})",
            remedy="the link stays where it was; free disk space or mend permissions, then run hub rollback again",
        ) from error
    return carried


def _quoted(path: str) -> str:
    return path.replace("'", "''")
