"""What follows by itself: one build from whatever brought something, and further tries of syncs that failed for a while only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from pipelines.context import Hub
from pipelines.definitions import build_defs
from pipelines.instance import open_instance, process_tags
from pipelines.pauses import pause
from pipelines.rollback import release
from tests.loopback import Reply, Request, serve
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.test_pauses import CONFIG, two_sources, write
from tests.pipelines.world import World
from warehouse import control_tables as t
from warehouse.control import utcnow


class Daemon:
    """Asks the sensors and runs jobs of one hub, as the daemon would."""

    def __init__(self, hub: Hub, instance: dg.DagsterInstance) -> None:
        self.hub, self.instance, self.defs = hub, instance, build_defs(hub)

    def asked(self, sensor: str) -> tuple[list[dg.RunRequest], str]:
        """The runs a sensor requests, and why none."""
        with dg.build_sensor_context(instance=self.instance) as context:
            found = self.defs.resolve_sensor_def(sensor)(context)
        if isinstance(found, dg.SensorResult):
            requests = list(found.run_requests or ())
            return requests, str(found.skip_reason.skip_message if found.skip_reason else "")
        if isinstance(found, dg.RunRequest):
            return [found], ""
        assert isinstance(found, dg.SkipReason)
        return [], str(found.skip_message)

    def run(
        self, job: str, request: dg.RunRequest | None = None, *, tags: Mapping[str, str] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Run a job, as it was requested if it was."""
        given = dict(tags or {})
        if request is not None:
            given |= {**request.tags, "dagster/run_key": str(request.run_key)}
        return self.defs.resolve_job_def(job).execute_in_process(instance=self.instance, raise_on_error=False, tags=given)


@contextmanager
def daemon(world: World) -> Iterator[Daemon]:
    with world.hub() as hub, open_instance(hub.config) as instance:
        yield Daemon(hub, instance)


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A hub of two sources that were synced and have nothing new."""
    copy_of(built_once(tmp_path_factory, "two-sources", two_sources), tmp_path)
    return World(tmp_path, CONFIG)


def test_a_build_follows_what_any_source_brought_and_nothing_else(world: World) -> None:
    with daemon(world) as hub:
        assert hub.run("sync_crm").success
        requests, why = hub.asked("build_after_sync")
        assert (requests, why[:26]) == ([], "nothing changed since load")
        write(world.root, 23)
        assert hub.run("sync_shop").success
        (request,), _ = hub.asked("build_after_sync")
        assert hub.run("build", request).success
        assert hub.asked("build_after_sync")[0] == []
    assert world.ask("SELECT count(*) FROM golden.customer") == [(43,)]


def test_no_build_is_asked_for_while_a_sync_or_a_build_is_under_way(world: World) -> None:
    write(world.root, 23)
    with daemon(world) as hub:
        assert hub.run("sync_crm").success
        job = hub.defs.resolve_job_def("sync_shop")
        sync = hub.instance.create_run_for_job(job, tags=dict(job.tags), status=dg.DagsterRunStatus.STARTED)
        row = {"sync_run_id": "now", "source_system": "shop", "stream": "contacts", "status": "running", "started_at": utcnow()}
        hub.hub.control.put(t.sync_run, [{**row, "dagster_run_id": sync.run_id}])
        assert hub.asked("build_after_sync") == ([], "a sync of shop is under way")
        hub.instance.report_run_failed(sync)
        build = hub.instance.create_run_for_job(hub.defs.resolve_job_def("build"), status=dg.DagsterRunStatus.STARTED)
        assert hub.asked("build_after_sync") == ([], f"build {build.run_id} has not ended yet (started)")
        hub.instance.report_run_failed(build)
        assert len(hub.asked("build_after_sync")[0]) == 1


def test_hub_sync_builds_what_it_brought_itself(world: World) -> None:
    write(world.root, 23)
    with daemon(world) as hub:
        assert hub.run("sync_crm", tags={"hub/batch": "of-a-command"}).success
        assert hub.asked("build_after_sync") == ([], "hub sync has just brought something and builds it itself")
        # should it have been broken off before it could, it is left to the sensor some minutes later
        later = utcnow() - timedelta(minutes=3)
        hub.hub.control.run(sa.update(t.load_batch).values(started_at=later - timedelta(minutes=1)))
        hub.hub.control.run(sa.update(t.sync_run).values(ended_at=later))
        assert len(hub.asked("build_after_sync")[0]) == 1


def spoil(root: Path) -> None:
    """Nearly all contacts of a source are gone: the gate holds that."""
    path = root / "in" / "crm.jsonl"
    path.write_text(path.read_text().splitlines(keepends=True)[0])


def test_a_held_load_is_not_built_again_before_something_new_came(world: World, tmp_path: Path) -> None:
    sources = {name: {**settings} for name, settings in CONFIG["sources"].items()}
    sources["crm"]["streams"] = {"contacts": {**sources["crm"]["streams"]["contacts"], "deletes": "snapshot"}}
    world.configure({**CONFIG, "sources": sources})
    assert world.sync().exit_code == 0
    spoil(world.root)
    with daemon(world) as hub:
        assert hub.run("sync_crm").success
        (request,), _ = hub.asked("build_after_sync")
        assert not hub.run("build", request).success
        held = hub.hub.control.last_load(status="held")
        assert held is not None
        assert hub.asked("build_after_sync") == (
            [],
            f"load {held['load_id']} is held and nothing new came since; hub status says what to mend",
        )
        write(world.root, 21)
        assert hub.run("sync_crm").success
        assert len(hub.asked("build_after_sync")[0]) == 1


def test_a_build_that_failed_is_not_asked_for_again_and_its_run_is_named(world: World) -> None:
    write(world.root, 23)
    with daemon(world) as hub:
        assert hub.run("sync_crm").success
        (request,), _ = hub.asked("build_after_sync")
        job = hub.defs.resolve_job_def("build")
        run = hub.instance.create_run_for_job(job, tags={"dagster/run_key": str(request.run_key)})
        hub.instance.report_run_failed(run)
        assert hub.asked("build_after_sync") == (
            [],
            f"the build for this was run {run.run_id} (failure); mend what it says, then run hub sync",
        )


def test_a_load_that_waited_behind_a_pin_is_built_once_the_pin_is_released(world: World) -> None:
    with daemon(world) as hub:
        made = hub.hub.control.last_load()
        assert made is not None
        pin = {"pin_id": "p", "load_id": made["load_id"], "pinned_by": "mara", "pinned_at": utcnow()}
        hub.hub.control.put(t.load_pin, [pin])
        hub.hub.control.put(t.load_batch, [{**made, "load_id": "waiting", "status": "withheld", "ended_at": utcnow()}])
        assert hub.asked("build_after_sync") == ([], "load waiting waits behind a pinned one and nothing new came since")
        release(hub.hub, by="mara")
        (request,), _ = hub.asked("build_after_sync")
        assert request.run_key == "released waiting"


# further tries ------------------------------------------------------------------------------------------------------------------


@contextmanager
def vendor(root: Path, status: int, **schedules: Any) -> Iterator[World]:
    """A hub of one vendor that answers with this status whatever is asked."""

    def answer(request: Request) -> Reply:
        return Reply({"error": {"message": "no"}}, status)

    with serve(answer) as server:
        retry = {"attempts": 1, "backoff_seconds": 0.0, "timeout_seconds": 5.0}
        stripe = {"type": "stripe", "base_url": server.base_url, "api_key": "${STRIPE_API_KEY}", "retry": retry}
        yield World(root, {"sources": {"stripe": stripe}, "schedules": schedules})


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_sensors")


def test_a_sync_whose_source_did_not_answer_is_tried_again_so_often_and_no_more(tmp_path: Path) -> None:
    with vendor(tmp_path, 503, retries=2, retry_after_seconds=0) as world, daemon(world) as hub:
        request: dg.RunRequest | None = None
        for attempt in ("2", "3"):
            failed = hub.run("sync_stripe", request)
            assert not failed.success
            (request,), _ = hub.asked("retry_syncs")
            assert (request.job_name, request.tags["hub/attempt"]) == ("sync_stripe", attempt)
            assert request.run_key == f"after {failed.run_id}"
        hub.run("sync_stripe", request)
        requests, why = hub.asked("retry_syncs")
        assert (requests, why) == ([], "stripe was tried 3 times; its next tick, or hub sync stripe, tries it again")


def test_a_further_try_waits_and_longer_each_time(tmp_path: Path) -> None:
    with vendor(tmp_path, 503, retry_after_seconds=600) as world, daemon(world) as hub:
        waits = []
        for attempt in ("1", "2"):
            result = hub.run("sync_stripe", tags={"hub/attempt": attempt})
            requests, why = hub.asked("retry_syncs")
            assert (requests, "stripe is tried again at" in why) == ([], True)
            ended = hub.instance.get_run_records(dg.RunsFilter(run_ids=[result.run_id]))[0].end_time
            assert ended is not None
            due = why.removeprefix("stripe is tried again at ").removesuffix(" UTC")
            hours, minutes, seconds = (int(part) for part in due.split(":"))
            waits.append((hours * 3600 + minutes * 60 + seconds - ended) % 86400)
        assert [round(wait, -1) for wait in waits] == [600, 1200]


def test_a_key_that_is_refused_is_not_tried_again(tmp_path: Path) -> None:
    with vendor(tmp_path, 401, retry_after_seconds=0) as world, daemon(world) as hub:
        assert not hub.run("sync_stripe").success
        assert hub.asked("retry_syncs") == ([], "no sync failed for a while only")


def test_what_a_person_ran_is_left_to_them_and_what_is_paused_is_left_alone(tmp_path: Path) -> None:
    with vendor(tmp_path, 503, retry_after_seconds=0) as world, daemon(world) as hub:
        hub.run("sync_stripe", tags=process_tags())
        assert hub.asked("retry_syncs") == ([], "no sync failed for a while only")
        hub.run("sync_stripe")
        assert len(hub.asked("retry_syncs")[0]) == 1
        pause(hub.hub, "stripe", by="mara")
        requests, why = hub.asked("retry_syncs")
        assert (requests, why.startswith("stripe is paused since")) == ([], True)


def test_a_further_try_asks_for_the_same(tmp_path: Path) -> None:
    with vendor(tmp_path, 503, retry_after_seconds=0) as world, daemon(world) as hub:
        job = hub.defs.resolve_job_def("sync_stripe")
        asked = {"ops": {"raw__stripe__charges": {"config": {"full": True}}}}
        chosen = [dg.AssetKey(["raw", "stripe", "charges"])]
        job.execute_in_process(instance=hub.instance, raise_on_error=False, run_config=asked, asset_selection=chosen)
        (request,), _ = hub.asked("retry_syncs")
        assert json.loads(json.dumps(request.run_config)) == asked
        assert list(request.asset_selection or ()) == chosen
