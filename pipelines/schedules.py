"""Schedules: what runs by itself, and when. Whether a tick leads to a run is decided here, not what the run does."""

# no `from __future__ import annotations` here: Dagster reads the context class from the annotation itself

from collections.abc import Callable
from functools import partial

import dagster as dg

from hub.contract.errors import ConfigError
from pipelines.context import Hub
from pipelines.dead_syncs import clear_dead_syncs
from pipelines.jobs import BACKUP_JOB, RETENTION_JOB, sync_job_name
from pipelines.pauses import active_pauses, pause_line
from pipelines.under_way import under_way


def schedules(hub: Hub) -> list[dg.ScheduleDefinition]:
    """One per source, for backups and for retention. What hub.yaml asks for runs by itself; the default waits to be switched on.

    A source without a cron of its own goes by that of the full sync: each has its run, so that one that fails stops no other.

    Raises:
        ConfigError: a cron expression that is none.
    """
    config, found = hub.config, []
    full = config.schedules.full_sync
    for source in config.enabled():
        own = config.sources[source].schedule
        if own:
            found.append(_made(f"sources.{source}.schedule", partial(_sync, hub, source, own, runs=True)))
        elif full:
            found.append(_made("schedules.full_sync", partial(_sync, hub, source, full, runs=config.schedules.full_sync_runs)))
    if config.backup.to and config.backup.schedule:
        found.append(_made("backup.schedule", partial(_of_job, hub, BACKUP_JOB, config.backup.schedule)))
    if config.retention.tables and config.retention.schedule:
        found.append(_made("retention.schedule", partial(_of_job, hub, RETENTION_JOB, config.retention.schedule)))
    return found


def runs_by_itself(hub: Hub) -> bool:
    """Whether hub.yaml asks for any sync without somebody's doing."""
    return hub.config.schedules.full_sync_runs or any(hub.config.sources[source].schedule for source in hub.config.enabled())


def _made(field: str, make: Callable[[], dg.ScheduleDefinition]) -> dg.ScheduleDefinition:
    try:
        return make()
    except dg.DagsterInvalidDefinitionError:
        raise ConfigError(
            "no cron expression", field=field, remedy='write it as "15 5 * * *": minute hour day month weekday'
        ) from None


def _sync(hub: Hub, source: str, cron: str, *, runs: bool) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{sync_job_name(source)}_schedule",
        job_name=sync_job_name(source),
        cron_schedule=cron,
        execution_timezone=hub.config.schedules.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if runs else dg.DefaultScheduleStatus.STOPPED,
        description=f"Syncs {source}, unless it is paused or a run of it has not ended yet.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        paused = active_pauses(hub).get(source)
        if paused is not None:
            return dg.SkipReason(f"{source} is {pause_line(paused)}; hub resume {source} ends it")
        clear_dead_syncs(hub, context.instance)
        run = under_way(context.instance, source=source)
        if run is not None:
            return dg.SkipReason(f"run {run.run_id} of {source} has not ended yet ({run.status.value.lower()})")
        return dg.RunRequest()

    return tick


def _of_job(hub: Hub, job: str, cron: str) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=f"{job}_schedule",
        job_name=job,
        cron_schedule=cron,
        execution_timezone=hub.config.schedules.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
