"""Conditions of loads: the build failed, the gate holds one, a further target lags behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import dagster as dg
import sqlalchemy as sa

from pipelines.alerts.condition import Condition, moment
from pipelines.context import Hub
from pipelines.dead_syncs import DIED
from pipelines.instance import process_died
from pipelines.jobs import BUILD_JOB
from pipelines.targets import target_status
from pipelines.writeback.status import write_back_status
from warehouse import control_tables as t
from warehouse.publish import live_load

_JOBS = (BUILD_JOB, "__ASSET_JOB")  # the hub's job, and Dagster's own for assets that are materialised in the UI or by automation
_STAGES = frozenset({"staging", "identity", "golden", "published"})
_LOOKED_AT = 20  # runs, to say since when builds fail
_GRACE = timedelta(minutes=15)  # in which a target may show the load before, since it is brought up after the publish
_STATUSES = [
    *(dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED),
    *(dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING),
]


def load_conditions(hub: Hub, instance: dg.DagsterInstance, now: datetime) -> Iterator[Condition]:
    """What is wrong with the newest load, and on its way to those who read it."""
    yield from _build_failed(hub, instance)
    yield from _gate_held(hub)
    yield from _target_failed(hub, now)
    yield from _write_back_failed(hub)


def _build_failed(hub: Hub, instance: dg.DagsterInstance) -> Iterator[Condition]:
    runs = sorted(
        (
            record
            for job in _JOBS
            for record in instance.get_run_records(dg.RunsFilter(job_name=job, statuses=_STATUSES), limit=_LOOKED_AT)
            if _is_build(record.dagster_run)
        ),
        key=lambda record: record.create_timestamp,
        reverse=True,
    )
    made = {row["dagster_run_id"] for row in hub.control.rows(sa.select(t.load_batch.c.dagster_run_id))}
    failed = []
    for record in runs:
        run = record.dagster_run
        if not run.is_finished and not process_died(run):
            continue  # it is under way
        # a run that made a load did what a build is for, though the gate held the load or a target failed
        if run.is_success or run.run_id in made:
            break
        failed.append(record)
    if failed:
        newest = failed[0].dagster_run
        yield Condition(
            key="run_failed/build",
            kind="run_failed",
            severity="error",
            where="the build",
            what=f"no load was made; {_why(instance, newest)}",
            next_step="hub sync",
            runbook="The build failed",
            since=failed[-1].create_timestamp.astimezone(UTC).replace(tzinfo=None),
            times=len(failed),
        )


def _is_build(run: dg.DagsterRun) -> bool:
    chosen = run.asset_selection
    return run.job_name == BUILD_JOB or any(key.path[0] in _STAGES and len(key.path) > 1 for key in chosen or ())


def _why(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    if not run.is_finished:
        return DIED
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        said = event.step_failure_data.user_failure_data if event is not None else None
        if said is not None and said.description:
            return " ".join(said.description.split())
        # an error that is none of ours may hold anything, values of records too
        return f"step {entry.step_key} failed unexpectedly, see run {run.run_id} in the Dagster UI"
    return f"run {run.run_id} ended before its steps did"


def _gate_held(hub: Hub) -> Iterator[Condition]:
    load = hub.control.last_load()
    if load is None or load["status"] != "held":
        return
    batch = t.load_batch.c
    loads = hub.control.rows(sa.select(batch.status, batch.ended_at).order_by(batch.ended_at.desc()))
    held = list(takewhile(lambda row: row["status"] == "held", loads))
    live = live_load(hub.config.warehouse)
    load_id = load["load_id"]
    yield Condition(
        key="gate_held",
        kind="gate_held",
        severity="error",
        where=f"load {load_id}",
        what=f"the gate holds it by {_blocking(hub, load_id)}; analysts "
        + (f"still see load {live}" if live else "see no load yet"),
        next_step=f"hub gate show {load_id}",
        runbook="A load was held",
        since=held[-1]["ended_at"],
        times=len(held),
    )


def _blocking(hub: Hub, load_id: str) -> str:
    decision = hub.control.rows(sa.select(t.gate_decision.c.blocking_checks).where(t.gate_decision.c.load_id == load_id))
    checks: list[str] = json.loads(decision[0]["blocking_checks"]) if decision else []
    row = t.check_result.c
    results = hub.control.rows(
        sa.select(row.check_id, row.failed_rows).where(row.load_id == load_id, row.check_id.in_(checks), row.status == "failed")
    )
    rows = {found["check_id"]: found["failed_rows"] for found in results}
    return ", ".join(f"{check} ({rows[check]:,} rows)" if rows.get(check) else check for check in checks) or "a check"


def _target_failed(hub: Hub, now: datetime) -> Iterator[Condition]:
    if not hub.config.publish or live_load(hub.config.warehouse) is None:
        return
    published = hub.control.last_load(status="published")
    for target in target_status(hub):
        late = not target["current"] and published is not None and published["ended_at"] < now - _GRACE
        if not target["error"] and not late:
            continue
        shows = f"shows load {target['load_id']}" if target["load_id"] else "has no load yet"
        when = f" of {moment(target['published_at'])}" if target["published_at"] else ""
        yield Condition(
            key=f"target_failed/{target['target']}",
            kind="target_failed",
            severity="error",
            where=f"target {target['target']}",
            what=f"it lags behind and {shows}{when}" + (f"; {target['error']}" if target["error"] else ""),
            next_step=f"hub publish {target['target']}",
            runbook="Further targets",
        )


def _write_back_failed(hub: Hub) -> Iterator[Condition]:
    for told in write_back_status(hub):
        source, dead = told["source"], told["dead_letters"]
        if not told["error"] and not dead:
            continue
        yield Condition(
            key=f"write_back_failed/{source}",
            kind="write_back_failed",
            severity="error" if told["error"] else "warning",
            where=f"the write-back to {source}",
            what=told["error"] or f"{dead:,} fields are refused and will not be tried again by themselves",
            next_step=f"hub writeback run {source}" if told["error"] else f"hub writeback list --source {source}",
            runbook="Write-back",
        )
