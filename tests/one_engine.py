"""Dagster's SQLite storages with one engine per file: they make one for every statement, so that each statement is compiled anew.

That took a tenth of the processor time of a small sync. An engine of theirs holds no connection, so that nothing else differs.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

_MOST = 64  # a run's events have a file of their own
_create = sqlite_event_log.create_engine
_engines: dict[tuple[str, str], sa.Engine] = {}


def _create_once(url: str, **options: Any) -> sa.Engine:
    key = (url, json.dumps(options, default=repr, sort_keys=True))
    if key not in _engines:
        while len(_engines) >= _MOST:
            _engines.pop(next(iter(_engines)))
        _engines[key] = _create(url, **options)
    return _engines[key]


def install() -> None:
    """Have the storages of this process use them from now on."""
    for storage in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
        storage.create_engine = _create_once  # type: ignore[attr-defined]
