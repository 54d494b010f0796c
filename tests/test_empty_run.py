"""The event log of a run that is copied is the one that Alembic makes."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from tests import empty_run


def log_of_a_run(folder: Path) -> tuple[list[str], str]:
    """What is in the file of a run that has told nothing yet, and how it is journalled."""
    with SqliteEventLogStorage(str(folder)).run_connection("run"):
        pass
    con = sqlite3.connect(folder / "run.db")
    try:
        return list(con.iterdump()), con.execute("PRAGMA journal_mode").fetchone()[0]
    finally:
        con.close()


def test_a_copy_is_what_alembic_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log_of_a_run(tmp_path / "first")
    copied = log_of_a_run(tmp_path / "second")
    made = set()

    def watched(storage: SqliteEventLogStorage, engine: sa.Engine, **more: Any) -> None:
        made.add(Path(engine.url.database or "").name)
        empty_run._init(storage, engine, **more)

    monkeypatch.setattr(SqliteEventLogStorage, "_initdb", watched)
    assert copied == log_of_a_run(tmp_path / "third")
    assert made == {"index.db", "run.db"}
    assert any("alembic_version" in statement for statement in copied[0])
    assert copied[1] == "wal"
