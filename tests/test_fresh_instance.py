"""An instance that begins with copies is the one that Dagster makes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from dagster._core.storage.runs.sqlite import sqlite_run_storage

from hub.contract.errors import WarehouseAccessError
from pipelines import instance
from pipelines.instance import open_instance
from tests import fresh_instance
from tests.pipelines.world import World

SOURCES = {"crm": {"type": "files", "streams": {"contacts": {"path": "in/*.jsonl", "kind": "party", "id": "id", "fields": {}}}}}


def begun(root: Path) -> dict[str, list[str]]:
    """What is in the databases of a new instance, but for when its migrations were marked as done, and how they are journalled."""
    root.mkdir()
    with World(root, {"sources": SOURCES}).hub() as hub, open_instance(hub.config):
        pass
    found = {}
    for name in fresh_instance.FILES:
        with closing(sqlite3.connect(root / "var" / "dagster" / name)) as con:
            journal = con.execute("PRAGMA journal_mode").fetchone()[0]
            con.execute("UPDATE secondary_indexes SET create_timestamp = '', migration_completed = ''")
            found[name] = [journal, *con.iterdump()]
    return found


def test_a_copy_is_what_dagster_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(tmp_path / "first")
    copied = begun(tmp_path / "copied")
    monkeypatch.setattr(instance, "_opened", fresh_instance._open)
    assert copied == begun(tmp_path / "made")
    assert all(any("alembic_version" in statement for statement in of_file) for of_file in copied.values())


def test_a_copy_is_opened_without_alembic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(tmp_path / "first")

    def none_asked(*arguments: object) -> None:
        raise AssertionError("Alembic is asked")

    monkeypatch.setattr(sqlite_run_storage, "check_alembic_revision", none_asked)
    begun(tmp_path / "copied")
    monkeypatch.setattr(instance, "_opened", fresh_instance._open)
    with pytest.raises(WarehouseAccessError, match="Alembic is asked"):
        begun(tmp_path / "made")
