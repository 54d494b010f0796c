"""Runs the hub's jobs in the hub's own Dagster instance: what `hub sync` does, and tests.

One run per source, so that one that fails stops no other, then one build if anything calls for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import dagster as dg
import sqlalchemy as sa

from hub.contract.errors import ConfigError, HubError
from pipelines.alerts.evaluate import evaluate_after_sync
from pipelines.context import Hub
from pipelines.dead_syncs import end_dead_syncs
from pipelines.definitions import build_defs
from pipelines.gate import is_overridden, publish_overridden
from pipelines.instance import process_tags, working_instance
from pipelines.jobs import BUILD_JOB
from pipelines.logs import speaking_of
from pipelines.pauses import active_pauses, pause_line
from pipelines.plan import Plan, plan_build
from pipelines.publishing import adopt_published
from pipelines.raw_assets import BATCH_TAG, SyncConfig, request_of
from pipelines.source_runs import Reader, SyncOptions, quiet, sync_side_by_side, sync_source, why
from pipelines.target_runs import catch_up, only_targets_failed
from pipelines.targets import target_status
from pipelines.writeback.status import write_back_status
from pipelines.writeback_runs import deliver_late
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
        paused: one line per source that was left out because it is paused, by source.
        error: why the build failed, if it did.
        load: the load_batch row that speaks for the result.
        targets: `target_status` of the further targets, none if the build failed.
        write_back: `write_back_status` of the sources that are written to, none if the build failed.
    """

    action: Literal["published", "unchanged", "held", "withheld", "failed"] = "failed"
    streams: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    paused: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    load: dict[str, Any] | None = None
    targets: list[dict[str, Any]] = field(default_factory=list)
    write_back: list[dict[str, Any]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 published or nothing to do, 3 held or withheld, 4 the same as 0 but a source, target or write-back failed, 1 error."""
        if self.action == "failed":
            return EXIT_ERROR
        if self.action in ("held", "withheld"):
            return EXIT_HELD
        after = (*self.targets, *self.write_back)
        return EXIT_SOURCE_FAILED if self.errors or any(told["error"] for told in after) else EXIT_OK


def run_sync(
    hub: Hub,
    options: SyncOptions,
    notice: Notice = lambda text: None,
    readers: Sequence[Reader] = (),
    defs: dg.Definitions | None = None,
) -> SyncOutcome:
    """Sync sources and build a load from them.

    Args:
        notice: told what is under way, for people who wait.
        readers: processes that are there already, for a sync of several sources.
        defs: of the hub, if they are made already.

    Raises:
        ConfigError: a source is named that is not there, switched off or paused.
        WarehouseError: the warehouse or the control store cannot be used at all.
    """
    chosen = _chosen(hub, options.sources)
    paused = {source: pause_line(found) for source, found in active_pauses(hub).items() if source in chosen}
    _refuse_paused(paused, options.sources)
    sources = tuple(source for source in chosen if source not in paused)
    _check_streams(hub, options)
    _check_window(hub, sources, options)
    with writer(hub.config.warehouse):
        pass  # whoever holds it is named now and once, not by each stream after a wait of its own
    adopt_published(hub)
    defs = defs or build_defs(hub)
    outcome = SyncOutcome(paused=paused)
    batch = secrets.token_hex(8)
    with working_instance(hub.config) as instance:
        end_dead_syncs(hub, instance)
        at_a_time = min(hub.config.sync.at_a_time, len(sources))
        if at_a_time > 1:
            notice(f"syncing {', '.join(sources)}")
            said = sync_side_by_side(hub.config, sources, batch, options, at_a_time, readers)
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
            _write_back(hub, defs, instance, batch, outcome, notice)
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
    with working_instance(hub.config) as instance:
        defs, batch = build_defs(hub), secrets.token_hex(8)
        _build_alone(hub, defs, instance, batch, outcome, notice, force=False)
        _write_back(hub, defs, instance, batch, outcome, notice)
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


def _write_back(
    hub: Hub, defs: dg.Definitions, instance: dg.DagsterInstance, batch: str, outcome: SyncOutcome, notice: Notice
) -> None:
    """Tell the sources what they lack of the live load. No build waits for that: a vendor may take hours over its first one."""
    try:
        if outcome.action != "failed":
            deliver_late(hub, defs, instance, batch, notice)
        outcome.write_back = write_back_status(hub)
    except HubError as error:
        outcome.action, outcome.error = "failed", str(error)


def _chosen(hub: Hub, named: Sequence[str]) -> tuple[str, ...]:
    enabled = hub.config.enabled()
    for name in named:
        hub.config.connector(name)
        if name not in enabled:
            raise ConfigError("the source is switched off", field=f"sources.{name}.enabled", remedy="set it to true to sync it")
    return tuple(name for name in enabled if not named or name in named)


def _refuse_paused(paused: Mapping[str, str], named: Sequence[str]) -> None:
    """Whoever names a paused source is told so; a sync of all leaves it out."""
    for source in named:
        if source in paused:
            raise ConfigError(
                f"the source is {paused[source]}", source=source, remedy=f"hub resume {source} lets it be synced again"
            )


def _check_streams(hub: Hub, options: SyncOptions) -> None:
    """Streams are of one source, which has them."""
    if not options.streams:
        return
    if len(options.sources) != 1:
        raise ConfigError(
            "a stream is one of a source", field="--stream", remedy="name the source: hub sync SOURCE --stream STREAM"
        )
    source = options.sources[0]
    there = [stream.name for stream in hub.config.connector(source).streams()]
    for name in options.streams:
        if name not in there:
            raise ConfigError(f"there is no stream {name!r}", source=source, remedy=f"it has {', '.join(there)}")


def _check_window(hub: Hub, sources: Sequence[str], options: SyncOptions) -> None:
    """A backfill is of sources that can be asked for a window, and its times are times."""
    if options.since is None and options.until is None:
        return
    for name in sources:
        request_of(SyncConfig(since=options.since, until=options.until), name)
        streams = [s for s in hub.config.connector(name).streams() if not options.streams or s.name in options.streams]
        if not any(stream.window for stream in streams):
            raise ConfigError("this source can only be read whole", source=name, remedy=f"use hub sync {name} --full")


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
