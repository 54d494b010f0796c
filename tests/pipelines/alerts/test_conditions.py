"""What counts as wrong, by the hub's own records: when it begins, how often it was so, what to do, and when it is over."""

from __future__ import annotations

import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from connectors import versions
from connectors.versions import ApiVersion
from pipelines.alerts import of_loads
from pipelines.alerts.condition import Condition
from pipelines.alerts.evaluate import look
from pipelines.instance import PROCESS_TAG, process_tags
from pipelines.pauses import pause, resume
from tests.pipelines.alerts.kit import HOUR, NOW, Desk, config, desk
from tests.pipelines.world import ROOT
from warehouse import control_tables as t

DAY = timedelta(days=1)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path, config()) as made:
        yield made


def found(desk: Desk, at: Any = NOW) -> dict[str, Condition]:
    return {condition.key: condition for condition in look(desk.hub, desk.instance, at)}


def test_nothing_is_wrong_with_a_new_hub_nor_with_one_that_runs_well(hub: Desk) -> None:
    assert found(hub) == {}
    hub.synced(NOW)
    hub.load("L1", "published", NOW)
    assert found(hub, NOW + DAY) == {}


def test_syncs_that_fail_are_one_condition_per_source_since_the_first_of_them(hub: Desk) -> None:
    hub.synced(NOW)
    for hours in (1, 2, 3):
        hub.synced(NOW + hours * HOUR, error="crm/contacts: no answer; run again later")
    hub.synced(NOW + 3 * HOUR, stream="leads", error="crm/leads: no answer; run again later")
    condition = found(hub, NOW + 4 * HOUR)["run_failed/crm"]
    assert condition.what.startswith("the sync failed in 2 of 2 streams (contacts, leads); crm/contacts: no answer")
    assert (condition.since, condition.times) == (NOW + HOUR - HOUR / 60, 3)
    assert condition.next_step == "hub sync crm"
    hub.synced(NOW + 5 * HOUR)
    hub.synced(NOW + 5 * HOUR + HOUR / 2, stream="leads")
    assert found(hub, NOW + 6 * HOUR) == {}


def test_a_sync_whose_process_died_failed(hub: Desk) -> None:
    row = {"sync_run_id": "r", "source_system": "crm", "stream": "contacts", "status": "running", "dagster_run_id": "gone"}
    hub.hub.control.put(t.sync_run, [row | {"started_at": NOW}])
    assert found(hub)["run_failed/crm"].what.endswith("contacts: its process died before it ended")


def test_a_sync_that_died_beside_one_that_succeeded_is_made_good(hub: Desk) -> None:
    hub.synced(NOW)
    row = {"sync_run_id": "r", "source_system": "crm", "stream": "contacts", "status": "running", "dagster_run_id": "gone"}
    hub.hub.control.put(t.sync_run, [row | {"started_at": NOW - HOUR}])
    assert found(hub) == {}


def test_a_sync_that_began_before_the_last_good_one_and_failed_after_it_counts(hub: Desk) -> None:
    hub.synced(NOW)
    hub.synced(NOW + HOUR / 120, error="crm/contacts: no answer; run again later")
    assert found(hub)["run_failed/crm"].times == 1


def test_what_hub_yaml_no_longer_reads_is_left_in_peace(hub: Desk) -> None:
    hub.synced(NOW, stream="former", error="crm/former: lacks column id")
    hub.synced(NOW, source="former", error="former/contacts: lacks column id")
    assert found(hub, NOW + 365 * DAY) == {}


def test_a_source_is_late_by_its_stream_that_waits_longest(hub: Desk) -> None:
    hub.world.change("crm", fresh_within_hours=26)
    hub.synced(NOW)
    hub.synced(NOW + 20 * HOUR, stream="leads")
    with desk(hub.world.root, hub.world.config) as made:
        assert found(made, NOW + 25.9 * HOUR) == {}
        condition = found(made, NOW + 26.1 * HOUR)["freshness_missed/crm"]
        assert condition.what == "contacts was last read at 2026-11-02 08:00 UTC, and counts as fresh for 26 hours"
        assert condition.since == NOW + 26 * HOUR
        made.synced(NOW + 27 * HOUR)
        assert found(made, NOW + 28 * HOUR) == {}


def test_a_source_that_is_paused_is_not_late(hub: Desk) -> None:
    hub.synced(NOW)
    assert set(found(hub, NOW + 365 * DAY)) == {"freshness_missed/crm"}
    pause(hub.hub, "crm", by="mara")
    assert found(hub, NOW + 365 * DAY) == {}
    resume(hub.hub, "crm", by="mara")
    assert set(found(hub, NOW + 365 * DAY)) == {"freshness_missed/crm"}


def changed(hub: Desk, run: str, *fields: str, policy: str = "warn", at: Any = NOW) -> None:
    about = {"source_system": "crm", "stream": "contacts", "sync_run_id": run, "policy": policy, "detected_at": at}
    rows = [about | {"field": field, "change": "new", "type_before": None, "type_now": "text"} for field in fields]
    hub.hub.control.add(t.schema_change, rows)


def test_fields_that_changed_are_one_piece_of_news_however_often_they_are_seen(hub: Desk) -> None:
    changed(hub, "r0", "a", policy="evolve")
    assert found(hub) == {}
    changed(hub, "r1", *"bcdefgh", policy="stop")
    changed(hub, "r2", *"bcdefgh", policy="stop", at=NOW + HOUR)
    (condition,) = found(hub, NOW + 2 * HOUR).values()
    assert condition.what.endswith(
        "b is new (text), c is new (text), d is new (text), e is new (text), f is new (text), and 2 more"
    )
    assert (condition.is_event, condition.severity, condition.next_step) == (True, "error", "hub sync crm --accept-schema")
    changed(hub, "r3", "i", at=NOW + 3 * HOUR)
    assert len(found(hub, NOW + 4 * HOUR)) == 2
    assert found(hub, NOW + 3 * DAY) == {}


def test_an_api_version_is_told_from_60_days_before_its_end(hub: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(versions.VERSIONS, "files", ApiVersion("v1", date(2026, 12, 31), "said here"))
    assert set(found(hub)) == {"expiring/crm/api_version", "expiring/shop/api_version"}
    condition = found(hub)["expiring/crm/api_version"]
    assert condition.what == "API version v1 of files is served until 2026-12-31"
    assert condition.severity == "warning"
    assert found(hub, NOW - 2 * DAY) == {}
    assert found(hub, NOW + 60 * DAY)["expiring/crm/api_version"].severity == "error"


def test_a_token_is_told_two_weeks_before_its_end_if_hub_yaml_knows_it(hub: Desk) -> None:
    hub.world.change("crm", credentials_end=date(2026, 11, 16))
    with desk(hub.world.root, hub.world.config) as made:
        assert found(made, NOW - DAY) == {}
        condition = found(made)["expiring/crm/credentials"]
        assert (condition.what, condition.severity) == ("its key or token ends on 2026-11-16, as hub.yaml says", "warning")
        assert "sources.crm.credentials_end" in condition.next_step
        assert found(made, NOW + 15 * DAY)["expiring/crm/credentials"].severity == "error"


def test_a_held_load_names_checks_and_counts_and_is_over_with_the_next_that_passes(hub: Desk) -> None:
    hub.load("L1", "published", NOW)
    hub.load("L2", "held", NOW + HOUR, checks='["id_churn"]')
    hub.load("L3", "held", NOW + 2 * HOUR, checks='["id_churn", "own"]')
    about = {"load_id": "L3", "dimension": "d", "severity": "critical", "status": "failed", "message": "m"}
    row = about | {"check_id": "id_churn", "failed_rows": 1200, "checked_at": NOW, "examples": '["crm:contacts:1"]'}
    hub.hub.control.put(t.check_result, [row])
    condition = found(hub, NOW + 3 * HOUR)["gate_held"]
    assert condition.what.startswith("the gate holds it by id_churn (1,200 rows), own; analysts see no load yet")
    assert (condition.since, condition.times) == (NOW + HOUR, 2)
    assert condition.next_step == "hub gate show L3"
    hub.load("L4", "withheld", NOW + 4 * HOUR)
    assert found(hub, NOW + 5 * HOUR) == {}


def test_a_target_lags_behind_if_it_failed_or_was_left_out_for_a_while(hub: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.world.configure(hub.world.config | {"publish": [{"name": "pg", "url": "${PG_URL}"}]})
    monkeypatch.setattr(of_loads, "live_load", lambda settings: "L2")
    monkeypatch.setattr("pipelines.targets.live_load", lambda settings: "L2")
    with desk(hub.world.root, hub.world.config) as made:
        made.load("L2", "published", NOW)
        state = {"name": "pg", "load_id": "L1", "published_at": NOW - DAY, "tried_at": NOW, "error": None}
        made.hub.control.put(t.target_state, [state])
        assert found(made, NOW + HOUR / 10) == {}  # it is being brought up
        assert found(made, NOW + HOUR)["target_failed/pg"].what == "it lags behind and shows load L1 of 2026-11-01 08:00 UTC"
        made.hub.control.put(t.target_state, [state | {"error": "publish.pg: it does not answer"}])
        condition = found(made)["target_failed/pg"]
        assert condition.what.endswith("; publish.pg: it does not answer")
        assert condition.next_step == "hub publish pg"
        made.hub.control.put(t.target_state, [state | {"load_id": "L2"}])
        assert found(made, NOW + HOUR) == {}


def test_each_runbook_entry_and_kind_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "ops.md").read_text()
    for module in ("of_sources", "of_loads", "message"):
        for heading in re.findall(r'"?runbook"?[=:] ?"([^"]+)"', (ROOT / "pipelines" / "alerts" / f"{module}.py").read_text()):
            assert f"\n## {heading}\n" in page, heading
    kinds = re.findall(r'kind="(\w+)"', "".join(path.read_text() for path in (ROOT / "pipelines" / "alerts").glob("of_*.py")))
    assert len(set(kinds)) == 7
    assert [kind for kind in kinds if f"`{kind}`" not in page] == []


def test_a_build_whose_process_died_made_no_load_and_one_that_is_under_way_says_nothing(hub: Desk) -> None:
    def build(status: dg.DagsterRunStatus, pid: int) -> str:
        tags = process_tags() | {PROCESS_TAG: str(pid)}
        return noted_run(hub.instance, job_name="build", status=status, tags=tags)

    build(dg.DagsterRunStatus.STARTED, os.getpid())
    assert found(hub) == {}
    build(dg.DagsterRunStatus.FAILURE, os.getpid())
    with subprocess.Popen(["true"]) as over:
        over.wait()
    build(dg.DagsterRunStatus.STARTED, over.pid)
    condition = found(hub)["run_failed/build"]
    assert condition.what == "no load was made; its process died before it ended"
    assert condition.times == 2
    hub.load("L1", "held", NOW)
    held = build(dg.DagsterRunStatus.FAILURE, os.getpid())
    hub.hub.control.run(sa.update(t.load_batch).values(dagster_run_id=held))
    assert set(found(hub)) == {"gate_held"}
    build(dg.DagsterRunStatus.SUCCESS, os.getpid())
    assert set(found(hub)) == {"gate_held"}


def noted_run(instance: dg.DagsterInstance, **about: Any) -> str:
    """A run that the instance knows."""
    run = dg.DagsterRun(run_id=str(uuid.uuid4()), **about)
    instance.add_run(run)
    return run.run_id
