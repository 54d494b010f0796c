"""Dagster's event log has a SQLite file for each run, whose tables and revision Alembic makes; in a test it is a copy of one.

Alembic reads all of Dagster's revisions for each file, a tenth of a second and more, and a sync has a run per source and one that
builds. The copy holds what Alembic made once, in this process.
"""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

_init = SqliteEventLogStorage._initdb
_empty: list[bytes] = []


def _init_from_copy(storage: SqliteEventLogStorage, engine: sa.Engine, for_index_shard: bool = False) -> None:
    path = Path(engine.url.database or "")
    fresh = not path.exists()
    if fresh and _empty:
        copy = path.with_name(f".{path.name}.{os.getpid()}.new")
        copy.write_bytes(_empty[0])
        try:
            os.link(copy, path)  # fails where another process was first, whose file then counts
        except FileExistsError:
            pass
        else:
            return
        finally:
            copy.unlink()
    _init(storage, engine, for_index_shard)
    if fresh and not _empty and not path.with_name(f"{path.name}-wal").exists():
        _empty.append(path.read_bytes())


def install() -> None:
    """Have the event logs of this process begin with one from now on."""
    SqliteEventLogStorage._initdb = _init_from_copy  # type: ignore[method-assign]
