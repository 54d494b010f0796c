"""A field that is new, missing or of another type: no sync breaks, no value is lost, and who wants to be told or asked is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from pipelines.instance import open_instance
from pipelines.runner import EXIT_OK, EXIT_SOURCE_FAILED
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.world import World
from warehouse import control_tables as t


def write(world_root: Path, *fields: dict[str, Any]) -> None:
    folder = world_root / "in"
    folder.mkdir(exist_ok=True)
    rows = [
        {"id": n, "name": f"Person Number{n}", "email": f"p{n}@mail{n}.org", "note": "-", **extra} for n, extra in enumerate(fields)
    ]
    (folder / "contacts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


STREAM = {"path": "in/contacts.jsonl", "kind": "party", "id": "id", "fields": {"full_name": "name", "email": "email"}}
CONFIG = {"sources": {"crm": {"type": "files", "streams": {"contacts": STREAM}}}}


def synced_once(root: Path) -> None:
    made = World(root, CONFIG)
    write(root, *({} for _ in range(30)))
    assert made.sync().exit_code == EXIT_OK
    assert checks(made) == [("fields_as_before", True), ("rows_fit", True), ("api_version_served", True)]


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    copy_of(built_once(tmp_path_factory, "schema-drift", synced_once), tmp_path)
    return World(tmp_path, CONFIG)


def changes(world: World) -> list[tuple[str, ...]]:
    with world.hub() as hub:
        rows = hub.control.rows(sa.select(t.schema_change).order_by(t.schema_change.c.field))
    return [(row["stream"], row["field"], row["change"], row["policy"]) for row in rows]


def checks(world: World) -> list[tuple[str, bool]]:
    """The newest result of each check on the stream's asset."""
    with world.hub() as hub, open_instance(hub.config) as instance:
        found = []
        for name in ("fields_as_before", "rows_fit", "api_version_served"):
            key = dg.AssetCheckKey(dg.AssetKey(["raw", "crm", "contacts"]), name)
            records = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
            evaluation = records[0].event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
            found.append((name, evaluation.passed))
        return found


def test_drift_is_told_recorded_and_shown_on_the_asset(world: World) -> None:
    assert changes(world) == []
    write(world.root, *({"vip": True, "note": n} for n in range(30)))
    outcome = world.sync()
    assert outcome.exit_code == EXIT_OK
    assert changes(world) == [("contacts", "note", "retyped", "warn"), ("contacts", "vip", "new", "warn")]
    assert [row["field"] for row in outcome.changes] == ["note", "vip"]
    assert checks(world) == [("fields_as_before", False), ("rows_fit", True), ("api_version_served", True)]
    assert world.ask("SELECT count(*) FROM ops.schema_change") == [(2,)], "the published load carries it"
    with world.working() as con:
        kept = con.execute("SELECT payload->>'vip', payload->>'note' FROM raw.crm__contacts WHERE version = 2 LIMIT 1").fetchall()
    assert kept[0][0] == "true"
    assert kept[0][1].isdigit()
    assert world.sync().changes == []


def test_the_policy_stop_takes_nothing_in_before_it_is_accepted(world: World) -> None:
    world.change("crm", schema_drift="stop")
    write(world.root, *({"vip": True} for _ in range(30)))
    for _ in range(2):
        outcome = world.sync()
        assert outcome.exit_code == EXIT_SOURCE_FAILED
        assert "crm/contacts: the fields changed: vip is new (boolean)" in outcome.errors["crm"]
        assert "--accept-schema" in outcome.errors["crm"]
        with world.working() as con:
            assert con.execute("SELECT count(*) FROM raw.crm__contacts WHERE version > 1").fetchall() == [(0,)]
    assert world.sync(accept_schema=True).exit_code == EXIT_OK
    with world.working() as con:
        assert con.execute("SELECT count(*) FROM raw.crm__contacts WHERE version = 2").fetchall() == [(30,)]
    assert world.sync().exit_code == EXIT_OK


def test_the_policy_evolve_notes_it_and_says_nothing(world: World) -> None:
    world.change("crm", schema_drift="evolve")
    write(world.root, *({"vip": True} for _ in range(30)))
    assert world.sync().exit_code == EXIT_OK
    assert changes(world) == [("contacts", "vip", "new", "evolve")]
    assert checks(world)[0] == ("fields_as_before", True)
