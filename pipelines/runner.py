"""Runs the hub's jobs in the hub's own Dagster instance: what `hub sync` does, and tests.

One run per source, so that one that fails stops no other, then one build if anything calls for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import dagster as dg
import sqlalchemy as sa

from hub.contract.errors import ConfigError, HubError
from pipelines.alerts.evaluate import evaluate_after_sync
from pipelines.context import Hub
from pipelines.definitions import build_defs
from pipelines.gate import is_overridden, publish_overridden
from pipelines.instance import clear_dead_runs, open_instance, process_tags
from pipelines.jobs import BUILD_JOB
from pipelines.logs import speaking_of
from pipelines.plan import Plan, plan_build
from pipelines.publishing import adopt_published
from pipelines.raw_assets import BATCH_TAG, SyncConfig, request_of
from pipelines.source_runs import SyncOptions, quiet, sync_side_by_side, sync_source, why
from pipelines.target_runs import catch_up, only_targets_failed
from pipelines.targets import target_status
from warehouse import control_tables as t
from warehouse.connection import building, writer
from warehouse.publish import live_load

EXIT_OK, EXIT_ERROR, EXIT_HELD, EXIT_SOURCE_FAILED = 0, 1, 3, 4
Notice = Callable[[str], None]


@dataclass
class SyncOutcome:
    """What a sync did.

    Attributes:
        action: published a load; found nothing to do (unchanged); was held back by the gate; withheld what passed because another
            load is pinned; or failed.
        streams: the sync_run rows of this sync.
        changes: the schema_change rows of this sync.
        errors: one line per source that failed, by source.
        error: why the build failed, if it did.
        load: the load_batch row that speaks for the result.
        targets: `target_status` of the further targets, none if the build failed.
    """

    action: Literal["published", "unchanged", "held", "withheld", "failed"] = "failed"
    streams: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    load: dict[str, Any] | None = None
    targets: list[dict[str, Any]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 published or nothing to do, 3 held or withheld, 4 the same as 0 but a source or target failed, 1 error."""
        if self.action == "failed":
            return EXIT_ERROR
        if self.action in ("held", "withheld"):
            return EXIT_HELD
        return EXIT_SOURCE_FAILED if self.errors or any(target["error"] for target in self.targets) else EXIT_OK


def run_sync(hub: Hub, options: SyncOptions, notice: Notice = lambda text: None) -> SyncOutcome:
    """Sync sources and build a load from them.

    Args:
        notice: told what is under way, for people who wait.

    Raises:
        ConfigError: a source is named that is not there or switched off.
        WarehouseError: the warehouse or the control store cannot be used at all.
    """
    sources = _chosen(hub, options.sources)
    _check_window(hub, sources, options)
    with writer(hub.config.warehouse):
        pass  # whoever holds it is named now and once, not by each stream after a wait of its own
    adopt_published(hub)
    defs = build_defs(hub)
    outcome = SyncOutcome()
    batch = secrets.token_hex(8)
    with open_instance(hub.config) as instance:
        clear_dead_runs(instance)
        _close_dead_syncs(hub, instance)
        at_a_time = min(hub.config.sync.at_a_time, len(sources))
        if at_a_time > 1:
            notice(f"syncing {', '.join(sources)}")
            said = sync_side_by_side(hub.config, sources, batch, options, at_a_time)
        else:
            said = {}
            for source in sources:
                notice(f"syncing {source}")
                said[source] = sync_source(hub, defs, instance, source, batch, options)
        outcome.errors = {source: error for source, error in said.items() if error}
        if len(outcome.errors) == len(sources) and live_load(hub.config.warehouse) is None:
            outcome.error = "no source could be read and nothing is published yet"
        else:
            _build_alone(hub, defs, instance, batch, outcome, notice, force=options.full)
        evaluate_after_sync(hub, instance)
    outcome.streams = hub.control.rows(
        sa.select(t.sync_run).where(t.sync_run.c.batch_id == batch).order_by(t.sync_run.c.started_at)
    )
    runs = {row["sync_run_id"] for row in outcome.streams}
    outcome.changes = hub.control.rows(sa.select(t.schema_change).where(t.schema_change.c.sync_run_id.in_(runs)))
    return outcome


def run_build(hub: Hub, notice: Notice = lambda text: None) -> SyncOutcome:
    """Build a load from what is in raw and what was decided, reading no source.

    Raises:
        WarehouseError: the warehouse or the control store cannot be used at all.
    """
    adopt_published(hub)
    outcome = SyncOutcome()
    with open_instance(hub.config) as instance:
        clear_dead_runs(instance)
        _build_alone(hub, build_defs(hub), instance, secrets.token_hex(8), outcome, notice, force=False)
        evaluate_after_sync(hub, instance)
    return outcome


def _build_alone(
    hub: Hub, defs: dg.Definitions, instance: dg.DagsterInstance, batch: str, outcome: SyncOutcome, notice: Notice, *, force: bool
) -> None:
    """Build while no other process does, and note what became of it."""
    try:
        with building(hub.config.warehouse), speaking_of(batch=batch):
            _build(hub, defs, instance, batch, outcome, notice, force=force)
            if outcome.action != "published":
                catch_up(hub, defs, instance, batch, notice)
        outcome.targets = target_status(hub)
    except HubError as error:
        outcome.action, outcome.error = "failed", str(error)


def _chosen(hub: Hub, named: Sequence[str]) -> tuple[str, ...]:
    enabled = hub.config.enabled()
    for name in named:
        hub.config.connector(name)
        if name not in enabled:
            raise ConfigError("the source is switched off", field=f"sources.{name}.enabled", remedy="set it to true to sync it")
    return tuple(name for name in enabled if not named or name in named)


def _check_window(hub: Hub, sources: Sequence[str], options: SyncOptions) -> None:
    """A backfill is of sources that can be asked for a window, and its times are times."""
    if options.since is None and options.until is None:
        return
    for name in sources:
        request_of(SyncConfig(since=options.since, until=options.until), name)
        if not any(stream.window for stream in hub.config.connector(name).streams()):
            raise ConfigError("this source can only be read whole", source=name, remedy=f"use hub sync {name} --full")


def _close_dead_syncs(hub: Hub, instance: dg.DagsterInstance) -> None:
    """What the control store still calls running although its Dagster run is over."""
    for row in hub.control.rows(sa.select(t.sync_run).where(t.sync_run.c.status == "running")):
        run = instance.get_run_by_id(row["dagster_run_id"]) if row["dagster_run_id"] else None
        if run is None or run.is_finished:
            over = {"status": "failed", "error": "its process died before it ended", "ended_at": row["started_at"]}
            hub.control.put(t.sync_run, [row | over])


def _build(
    hub: Hub, defs: dg.Definitions, instance: dg.DagsterInstance, batch: str, outcome: SyncOutcome, notice: Notice, *, force: bool
) -> None:
    connectors = [hub.config.connector(name) for name in hub.config.enabled()]
    plan = plan_build(hub, connectors)
    if plan.action == "held" and plan.load is not None and not force and is_overridden(hub, plan.load["load_id"]):
        # the process of the override died before it published
        publish_overridden(hub, plan.load["load_id"])
        outcome.action, outcome.load = "published", hub.control.last_load(status="published")
        return
    if plan.action != "build" and not force:
        outcome.action, outcome.load = _settled(plan), plan.load
        return
    notice("resolving identities, building the golden tables, judging them")
    job = defs.resolve_job_def(BUILD_JOB)
    ops = {step: {"config": {"full": True}} for step in ("identity", "golden")} if force else {}
    result = job.execute_in_process(
        instance=instance, raise_on_error=False, run_config={"ops": ops, **quiet()}, tags={BATCH_TAG: batch, **process_tags()}
    )
    made = hub.control.rows(sa.select(t.load_batch).where(t.load_batch.c.dagster_run_id == result.run_id))
    outcome.load = made[0] if made else None
    status = outcome.load["status"] if outcome.load is not None else None
    if (result.success or only_targets_failed(result, hub)) and status in ("published", "withheld"):
        outcome.action = status
    elif status == "held":
        outcome.action = "held"
    else:
        outcome.action, outcome.error = "failed", why(result)


def _settled(plan: Plan) -> Literal["unchanged", "held", "withheld"]:
    return "unchanged" if plan.action == "build" else plan.action
