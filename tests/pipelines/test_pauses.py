"""A paused source is left alone by whoever starts a sync, says so everywhere, and goes on where it stopped when it is resumed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from hub.contract.errors import ConfigError, NotFoundError
from pipelines.definitions import build_defs
from pipelines.freshness import freshness
from pipelines.instance import open_instance
from pipelines.pauses import active_pauses, pause, resume
from pipelines.report import hub_status
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.test_cli import Shell
from tests.pipelines.world import World
from warehouse import control_tables as t
from warehouse.control import utcnow

CONTACTS = {"kind": "party", "id": "id", "fields": {"full_name": "name", "email": "email"}}
CONFIG: dict[str, Any] = {
    "sources": {
        name: {"type": "files", "streams": {"contacts": {"path": f"in/{name}.jsonl", **CONTACTS}}} for name in ("crm", "shop")
    }
}


def write(root: Path, people: int) -> None:
    """So many contacts in each of the two sources."""
    (root / "in").mkdir(exist_ok=True)
    for source in CONFIG["sources"]:
        rows = [{"id": f"{n}", "name": f"Person{n} Family{n}", "email": f"{source}{n}@mail{n}.org"} for n in range(people)]
        (root / "in" / f"{source}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def two_sources(root: Path) -> None:
    write(root, 20)
    assert World(root, CONFIG).sync().exit_code == 0


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A hub of two sources that have something new."""
    copy_of(built_once(tmp_path_factory, "two-sources", two_sources), tmp_path)
    write(tmp_path, 22)
    return World(tmp_path, CONFIG)


@pytest.fixture
def shell(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(world, capsys, monkeypatch)


def test_a_sync_leaves_out_what_is_paused_says_why_and_goes_on_with_the_others(shell: Shell) -> None:
    code, out, _ = shell("pause", "crm", "--reason", "their API is being moved", "--by", "mara")
    assert (code, "by mara (their API is being moved); hub resume crm" in out) == (0, True)
    code, out, _ = shell("sync")
    assert code == 0
    assert "left out: crm is paused since" in out
    assert "published load" in out
    found = shell.json("sync")
    assert set(found["paused"]) == {"crm"}
    assert [row["source"] for row in found["sources"]] == ["shop"]


def test_a_sync_that_names_a_paused_source_is_refused_with_what_to_do(shell: Shell) -> None:
    shell("pause", "crm", "--by", "mara")
    code, _, err = shell("sync", "crm", "shop")
    assert (code, err.count("\n")) == (1, 1)
    assert "error: crm: the source is paused since" in err
    assert "hub resume crm" in err
    assert shell("resume", "crm")[0] == 0
    found = shell.json("sync", "crm")
    assert (found["action"], found["sources"][0]["loaded"]) == ("published", 2), "it goes on where it stopped"


def test_status_shows_a_pause_in_place_of_freshness(shell: Shell) -> None:
    shell("pause", "crm", "--reason", "moved", "--by", "mara", "--until", "2999-01-01T12:00+02:00")
    _, out, _ = shell("status")
    assert "crm is paused since" in out
    assert "until 2999-01-01 10:00 UTC (moved); hub resume crm ends it" in out
    rows = {row["source"]: row["paused"] for row in shell.json("status")["sources"]}
    assert (rows["crm"]["paused_by"], rows["shop"]) == ("mara", None)


def test_the_gate_does_not_call_a_paused_source_stale(world: World) -> None:
    with world.hub() as hub:
        hub.control.run(sa.update(t.sync_run).values(ended_at=utcnow() - timedelta(days=9)))
        before = freshness(hub)
        assert list(before["source_system"]) == ["crm", "shop"]
        assert (before["hours_since_success"] > before["fresh_within_hours"]).all()
        pause(hub, "crm", by="mara")
        assert list(freshness(hub)["source_system"]) == ["shop"]


def test_a_pause_ends_by_itself_at_its_time(world: World) -> None:
    with world.hub() as hub:
        made = pause(hub, "crm", by="mara", until=(utcnow() + timedelta(hours=1)).isoformat())
        assert set(active_pauses(hub)) == {"crm"}
        hub.control.run(sa.update(t.source_pause).values(until=utcnow() - timedelta(seconds=1)))
        assert active_pauses(hub) == {}
        assert next(row for row in hub_status(hub)["sources"] if row["source"] == "crm")["paused"] is None
        with pytest.raises(NotFoundError, match="the source is not paused"):
            resume(hub, "crm", by="mara")
        assert made["until"] is not None


def test_a_second_pause_replaces_the_first_and_all_of_it_is_in_the_audit_log(world: World) -> None:
    with world.hub() as hub:
        pause(hub, "crm", by="mara", until="2999-01-01")
        pause(hub, "crm", by="tom", reason="for good")
        assert (active_pauses(hub)["crm"]["paused_by"], active_pauses(hub)["crm"]["until"]) == ("tom", None)
        resume(hub, "crm", by="ann")
        assert active_pauses(hub) == {}
        log = hub.control.rows(sa.select(t.audit_log).where(t.audit_log.c.subject == "crm").order_by(t.audit_log.c.at))
    assert [(row["action"], row["actor"], row["is_automatic"]) for row in log] == [
        ("pause", "mara", False),
        ("pause", "tom", False),
        ("resume", "ann", False),
    ]
    assert "for good" in log[1]["detail"]


@pytest.mark.parametrize(
    ("source", "until", "said"),
    [
        ("crn", None, "did you mean 'crm'"),
        ("crm", "tomorrow", "field --until: no date or time"),
        ("crm", "2001-01-01", "that time is past"),
    ],
)
def test_a_pause_that_cannot_be_is_refused(world: World, source: str, until: str | None, said: str) -> None:
    with world.hub() as hub, pytest.raises(ConfigError, match=said):
        pause(hub, source, by="mara", until=until)


def test_a_run_of_a_paused_source_from_the_ui_ends_at_once_reads_nothing_and_does_not_fail(world: World) -> None:
    with world.hub() as hub, open_instance(hub.config) as instance:
        pause(hub, "crm", by="mara", reason="moved")
        before = hub.control.rows(sa.select(t.sync_run.c.sync_run_id))
        result = build_defs(hub).resolve_job_def("sync_crm").execute_in_process(instance=instance)
        assert result.success
        assert result.get_asset_materialization_events() == []
        assert instance.get_latest_materialization_event(dg.AssetKey(["raw", "crm", "contacts"])) is None
        run = instance.get_run_by_id(result.run_id)
        assert run is not None
        assert run.tags["hub/paused"] == "crm"
        said = [record.event_log_entry.user_message for record in instance.get_records_for_run(result.run_id).records]
        assert any("crm is paused since" in line and "hub resume crm" in line for line in said)
        checks = {event.check_name: event for event in result.get_asset_check_evaluations()}
        assert "not looked at, crm is paused" in str(checks["fields_as_before"].description)
        assert hub.control.rows(sa.select(t.sync_run.c.sync_run_id)) == before
