"""Sensors: what follows by itself. A build from syncs that brought something, a further try from one that failed for a while."""

# no `from __future__ import annotations` here: Dagster reads the context class from the annotation itself

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa

from pipelines.context import Hub
from pipelines.dead_syncs import clear_dead_syncs
from pipelines.instance import is_of_a_command
from pipelines.jobs import BUILD_JOB, WRITE_BACK_JOB, sync_job_name
from pipelines.pauses import active_pauses, pause_line
from pipelines.pins import active_pin
from pipelines.raw_assets import LATER_TAG
from pipelines.schedules import runs_by_itself
from pipelines.under_way import under_way
from pipelines.writeback.outbox import runs as write_back_runs
from pipelines.writeback.run import targets
from pipelines.writeback.status import lagging
from pipelines.writeback_assets import write_back_key
from warehouse import control_tables as t
from warehouse.control import utcnow

ATTEMPT_TAG = "hub/attempt"
_RUN_KEY_TAG = "dagster/run_key"
_AGAIN = timedelta(minutes=15)  # before a write-back that did not get through is tried again
_OWN_BUILD = timedelta(minutes=2)  # in which a `hub sync` that brought something begins its build


def sensors(hub: Hub, sync_jobs: Sequence[Any]) -> list[dg.SensorDefinition]:
    """All run by themselves if any sync does."""
    status = dg.DefaultSensorStatus.RUNNING if runs_by_itself(hub) else dg.DefaultSensorStatus.STOPPED
    after = [_write_back_after_publish(hub, status)] if targets(hub) else []
    return [_build_after_sync(hub, status), _retry_syncs(hub, sync_jobs, status), *after]


def _build_after_sync(hub: Hub, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Requests a build once syncs have ended that brought something after the last load, and none is under way.

    No automation condition, although Dagster has them: one is asked of each asset by itself and would start the build's assets
    apart from their job, while a build is one run of all of them or none. Nor could it see what decides here: rows that changed
    (a sync materialises its asset also if nothing did), a `hub sync` that builds by itself, and loads that are held or withheld.
    """

    @dg.sensor(
        name="build_after_sync",
        job_name=BUILD_JOB,
        minimum_interval_seconds=60,
        default_status=status,
        description="Builds a load once syncs brought something new; a held one only when something new came.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        clear_dead_syncs(hub, context.instance)
        why_not = _busy(hub, context.instance)
        if why_not is not None:
            return dg.SkipReason(why_not)
        last, newest = hub.control.last_load(), _newest_change(hub)
        if newest is not None and (last is None or last["started_at"] < newest["ended_at"]):
            if newest["batch_id"] is not None and timedelta() <= utcnow() - newest["ended_at"] < _OWN_BUILD:
                return dg.SkipReason("hub sync has just brought something and builds it itself")
            return _once(context.instance, newest["ended_at"].isoformat())
        if last is not None and last["status"] == "withheld" and active_pin(hub) is None:
            return _once(context.instance, f"released {last['load_id']}")
        return dg.SkipReason(_settled(last))

    return sensor


def _busy(hub: Hub, instance: dg.DagsterInstance) -> str | None:
    running = sa.select(t.sync_run.c.source_system).where(t.sync_run.c.status == "running").distinct()
    sources = sorted(row["source_system"] for row in hub.control.rows(running))
    if sources:
        return f"a sync of {', '.join(sources)} is under way"
    build = under_way(instance, job=BUILD_JOB)
    return None if build is None else f"build {build.run_id} has not ended yet ({build.status.value.lower()})"


def _newest_change(hub: Hub) -> dict[str, Any] | None:
    row = t.sync_run.c
    changed = row.rows_inserted + row.rows_updated + row.rows_deleted > 0
    query = sa.select(row.ended_at, row.batch_id).where(changed, row.ended_at.is_not(None)).order_by(row.ended_at.desc()).limit(1)
    return next(iter(hub.control.rows(query)), None)


def _once(instance: dg.DagsterInstance, key: str) -> dg.RunRequest | dg.SkipReason:
    """Ask for one build per reason; Dagster would drop a second request without a word."""
    before = instance.get_runs(dg.RunsFilter(job_name=BUILD_JOB, tags={_RUN_KEY_TAG: key}), limit=1)
    if before:
        status = before[0].status.value.lower()
        return dg.SkipReason(f"the build for this was run {before[0].run_id} ({status}); mend what it says, then run hub sync")
    return dg.RunRequest(run_key=key)


def _settled(last: dict[str, Any] | None) -> str:
    if last is None:
        return "no sync has brought anything yet"
    match last["status"]:
        case "held":
            return f"load {last['load_id']} is held and nothing new came since; hub status says what to mend"
        case "withheld":
            return f"load {last['load_id']} waits behind a pinned one and nothing new came since"
        case _:
            return f"nothing changed since load {last['load_id']}"


def _write_back_after_publish(hub: Hub, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Requests a run that tells the sources what they lack of the live load; one that failed is tried again after a while."""

    @dg.sensor(
        name="write_back_after_publish",
        job_name=WRITE_BACK_JOB,
        minimum_interval_seconds=60,
        default_status=status,
        description="Writes back to the sources that were not told all of the live load yet.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        run = under_way(context.instance, job=WRITE_BACK_JOB)
        if run is not None:
            return dg.SkipReason(f"run {run.run_id} has not ended yet ({run.status.value.lower()})")
        build = under_way(context.instance, job=BUILD_JOB)
        if build is not None:
            return dg.SkipReason(f"build {build.run_id} may be about to publish")
        tried, now = write_back_runs(hub), utcnow()
        late = lagging(hub)
        due = [s for s in late if s not in tried or not tried[s]["error"] or now - tried[s]["ran_at"] >= _AGAIN]
        if not due:
            return dg.SkipReason(f"tried a while ago: {', '.join(late)}" if late else "every source has what it is owed")
        return dg.RunRequest(asset_selection=[write_back_key(source) for source in due])

    return sensor


def _retry_syncs(hub: Hub, sync_jobs: Sequence[Any], status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Requests a further try of a sync whose source did not answer, later each time.

    Dagster's own retries of runs are at once and know no reasons; those of steps hold a run, its process and its pool slot while
    they wait, and would read a fact after the parties that it is of.
    """
    settings = hub.config.schedules

    @dg.sensor(
        name="retry_syncs",
        jobs=sync_jobs,
        minimum_interval_seconds=30,
        default_status=status,
        description=f"Tries syncs again whose source was out of reach, {settings.retries} times, waiting longer each time.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        found = [_further_try(hub, context.instance, source) for source in hub.config.enabled()]
        asked = [one for one in found if isinstance(one, dg.RunRequest)]
        said = "; ".join(one for one in found if isinstance(one, str)) or "no sync failed for a while only"
        return dg.SensorResult(asked, skip_reason=None if asked else said)

    return sensor


def _further_try(hub: Hub, instance: dg.DagsterInstance, source: str) -> dg.RunRequest | str | None:
    """The request, or why there is none yet; None where there is nothing to try again."""
    settings, job = hub.config.schedules, sync_job_name(source)
    record = next(iter(instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)), None)
    if record is None or record.dagster_run.status is not dg.DagsterRunStatus.FAILURE or record.end_time is None:
        return None
    run = record.dagster_run
    if run.tags.get(LATER_TAG) != run.run_id or is_of_a_command(run):
        return None
    attempt = int(run.tags.get(ATTEMPT_TAG, "1"))
    if attempt > settings.retries:
        return f"{source} was tried {attempt} times; its next tick, or hub sync {source}, tries it again"
    paused = active_pauses(hub).get(source)
    if paused is not None:
        return f"{source} is {pause_line(paused)}"
    due = datetime.fromtimestamp(record.end_time + settings.retry_after_seconds * 2 ** (attempt - 1), UTC)
    if due > datetime.now(UTC):
        return f"{source} is tried again at {due:%H:%M:%S} UTC"
    return dg.RunRequest(
        run_key=f"after {run.run_id}",
        job_name=job,
        run_config=run.run_config,
        tags={ATTEMPT_TAG: str(attempt + 1)},
        asset_selection=sorted(run.asset_selection) if run.asset_selection else None,
    )
