"""When syncs run by themselves: at which ticks, in which zone, and when a tick is skipped, with the reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from hub.contract.errors import ConfigError
from pipelines.definitions import build_defs
from pipelines.instance import clear_dead_runs, open_instance, process_tags
from pipelines.pauses import pause
from tests.pipelines.test_pauses import CONFIG
from tests.pipelines.world import World

SOURCES = CONFIG["sources"]
OWN = {**SOURCES, "crm": {**SOURCES["crm"], "schedule": "*/5 * * * *"}}
RUNNING, STOPPED = dg.DefaultScheduleStatus.RUNNING, dg.DefaultScheduleStatus.STOPPED


def schedules(root: Path, **config: Any) -> dict[str, dg.ScheduleDefinition]:
    """The schedules of a hub with this hub.yaml, by source."""
    with World(root, {**CONFIG, **config}).hub() as hub:
        defs = build_defs(hub)
        return {name: defs.resolve_schedule_def(f"sync_{name}_schedule") for name in hub.config.enabled()}


def test_every_source_without_a_cron_of_its_own_goes_by_that_of_the_full_sync(tmp_path: Path) -> None:
    found = schedules(tmp_path, sources=OWN, schedules={"full_sync": "30 4 * * *"})
    assert {name: (found[name].cron_schedule, found[name].default_status) for name in found} == {
        "crm": ("*/5 * * * *", RUNNING),
        "shop": ("30 4 * * *", RUNNING),
    }


def test_the_full_sync_that_nobody_wrote_down_waits_to_be_switched_on(tmp_path: Path) -> None:
    found = schedules(tmp_path, sources=OWN)
    assert (found["shop"].cron_schedule, found["shop"].default_status) == ("15 5 * * *", STOPPED)


def test_the_full_sync_can_be_switched_off(tmp_path: Path) -> None:
    with World(tmp_path, {"sources": OWN, "schedules": {"full_sync": None}}).hub() as hub:
        assert [schedule.name for schedule in build_defs(hub).schedules or ()] == ["sync_crm_schedule"]


@pytest.mark.parametrize(("day", "offsets"), [("2026-03-28", [1, 2, 2]), ("2026-10-24", [2, 1, 1])])
def test_the_clock_of_the_zone_counts_once_a_day_also_when_it_is_put_forward_or_back(
    tmp_path: Path, day: str, offsets: list[int]
) -> None:
    found = schedules(tmp_path, schedules={"full_sync": "30 2 * * *", "timezone": "Europe/Berlin"})["shop"]
    assert found.execution_timezone == "Europe/Berlin"
    begin = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    ticks = schedule_execution_time_iterator(begin.timestamp(), found.cron_schedule, found.execution_timezone)
    three = [next(ticks) for _ in range(3)]
    assert [tick.date() - begin.date() for tick in three] == [timedelta(days=n) for n in range(3)]
    assert [(tick.utcoffset() or timedelta()) / timedelta(hours=1) for tick in three] == offsets
    assert three[0].astimezone(UTC) < three[1].astimezone(UTC) < three[2].astimezone(UTC)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"schedules": {"full_sync": "every day"}}, "field schedules.full_sync: no cron expression"),
        ({"sources": {"crm": {**SOURCES["crm"], "schedule": "61 * * * *"}}}, "field sources.crm.schedule: no cron expression"),
        ({"schedules": {"timezone": "Berlin"}}, "field schedules.timezone: there is no time zone 'Berlin'"),
    ],
)
def test_a_mistake_is_said_in_a_line_that_names_the_key(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        schedules(tmp_path, **config)


def tick(schedule: dg.ScheduleDefinition, instance: dg.DagsterInstance) -> Any:
    """What a tick asks for."""
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.now(UTC)) as context:
        return schedule(context)


def test_a_tick_of_a_paused_source_is_skipped_with_who_paused_it_and_why(tmp_path: Path) -> None:
    with World(tmp_path, CONFIG).hub() as hub, open_instance(hub.config) as instance:
        pause(hub, "crm", by="mara", reason="moved")
        defs = build_defs(hub)
        skipped = tick(defs.resolve_schedule_def("sync_crm_schedule"), instance)
        assert isinstance(skipped, dg.SkipReason)
        assert str(skipped.skip_message).startswith("crm is paused since")
        assert "by mara (moved); hub resume crm" in str(skipped.skip_message)
        assert isinstance(tick(defs.resolve_schedule_def("sync_shop_schedule"), instance), dg.RunRequest)


def test_a_tick_is_skipped_while_a_run_of_the_source_has_not_ended(tmp_path: Path) -> None:
    with World(tmp_path, CONFIG).hub() as hub, open_instance(hub.config) as instance:
        defs = build_defs(hub)
        schedule, job = defs.resolve_schedule_def("sync_crm_schedule"), defs.resolve_job_def("sync_crm")
        run = instance.create_run_for_job(job, tags=dict(job.tags), status=dg.DagsterRunStatus.STARTED)
        skipped = tick(schedule, instance)
        assert isinstance(skipped, dg.SkipReason)
        assert skipped.skip_message == f"run {run.run_id} of crm has not ended yet (started)"
        assert isinstance(tick(defs.resolve_schedule_def("sync_shop_schedule"), instance), dg.RunRequest), "only its own"
        instance.report_run_failed(run)
        assert isinstance(tick(schedule, instance), dg.RunRequest)


def test_a_run_whose_process_died_does_not_keep_its_source_from_its_ticks(tmp_path: Path) -> None:
    with World(tmp_path, CONFIG).hub() as hub, open_instance(hub.config) as instance:
        defs = build_defs(hub)
        job = defs.resolve_job_def("sync_crm")
        dead = {**job.tags, **process_tags(), "hub/pid": "999999999"}
        instance.create_run_for_job(job, tags=dead, status=dg.DagsterRunStatus.STARTED)
        assert isinstance(tick(defs.resolve_schedule_def("sync_crm_schedule"), instance), dg.RunRequest)


def test_what_the_daemon_runs_in_place_of_a_dead_run_is_not_taken_for_dead(tmp_path: Path) -> None:
    with World(tmp_path, CONFIG).hub() as hub, open_instance(hub.config) as instance:
        job = build_defs(hub).resolve_job_def("sync_crm")
        dead = {**process_tags(), "hub/pid": "999999999"}
        first = instance.create_run_for_job(job, tags=dead, status=dg.DagsterRunStatus.STARTED)
        again = instance.create_run_for_job(
            job, tags=dead, status=dg.DagsterRunStatus.STARTED, parent_run_id=first.run_id, root_run_id=first.run_id
        )
        assert clear_dead_runs(instance) == [first.run_id]
        found = instance.get_run_by_id(again.run_id)
        assert found is not None
        assert found.status is dg.DagsterRunStatus.STARTED


def test_runs_of_a_source_queue_behind_each_other_whoever_asked_for_them(tmp_path: Path) -> None:
    with World(tmp_path, CONFIG).hub() as hub, open_instance(hub.config) as instance:
        limits = {limit["key"]: limit for limit in instance.get_concurrency_config().run_queue_config.tag_concurrency_limits}  # type: ignore[union-attr]
        assert (limits["hub/source"]["limit"], limits["hub/source"]["value"]) == (1, {"applyLimitPerUniqueValue": True})
        defs = build_defs(hub)
        assert defs.resolve_job_def("sync_crm").tags["hub/source"] == "crm"
        for asset in ("crm", "shop"):
            assert defs.resolve_assets_def(dg.AssetKey(["raw", asset, "contacts"])).op.pool == f"source_{asset}"
        assert defs.resolve_assets_def(dg.AssetKey(["published", "golden"])).op.pool == "warehouse"
