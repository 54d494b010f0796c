"""Jobs, schedules and the sensor that lets a build follow a sync. Names only bind here; what a job runs is its assets' affair."""

# no `from __future__ import annotations` here: Dagster reads the context class from the annotation itself

from typing import Any

import dagster as dg
import sqlalchemy as sa

from pipelines.backups import take
from pipelines.context import Hub
from warehouse import control_tables as t

BUILD_JOB = "build"
TARGETS_JOB = "publish_targets"
BACKUP_JOB = "backup"


def sync_job_name(source: str) -> str:
    """The job that syncs one source."""
    return f"sync_{source}"


def jobs(hub: Hub) -> list[Any]:
    """One job per enabled source, and the build."""
    syncs = [
        dg.define_asset_job(
            sync_job_name(source),
            selection=dg.AssetSelection.key_prefixes(["raw", source]),
            description=f"Sync all streams of {source} into raw.",
            tags={"hub/source": source},
        )
        for source in hub.config.enabled()
    ]
    build = dg.define_asset_job(
        BUILD_JOB,
        selection=dg.AssetSelection.key_prefixes(["staging"], ["identity"], ["golden"], ["published"]),
        description="Stage what arrived, resolve identities, build golden, judge it, publish it if the gate passes.",
    )
    others = [build, _backup_job(hub)] if hub.config.backup.to else [build]
    if not hub.config.publish:
        return [*syncs, *others]
    targets = dg.define_asset_job(
        TARGETS_JOB,
        selection=dg.AssetSelection.assets(*(["published", target.name] for target in hub.config.publish)),
        description="Bring the further targets up to the published load: after a failure of theirs, and after a rollback.",
    )
    return [*syncs, *others, targets]


def _backup_job(hub: Hub) -> dg.JobDefinition:
    """Takes a backup to where hub.yaml says."""

    @dg.op(name="take_backup")
    def take_backup(context: dg.OpExecutionContext) -> None:
        taken, gone = take(hub, by="dagster", automatic=True)
        context.add_output_metadata(
            {
                "backup": taken.backup_id,
                "load": taken.live or "none",
                "bytes": taken.size,
                "new bytes": taken.written_bytes,
                "removed": len(gone),
            }
        )

    @dg.job(name=BACKUP_JOB, description="Take a backup of what the sources cannot give again, see backup: in hub.yaml.")
    def backup() -> None:
        take_backup()

    return backup


def schedules(hub: Hub) -> list[dg.ScheduleDefinition]:
    """One per source, and one for backups. What hub.yaml asks for runs by itself; the default one waits to be switched on."""
    found = []
    for source in hub.config.enabled():
        own = hub.config.sources[source].schedule
        cron = own or hub.config.schedules.full_sync
        if cron:
            found.append(
                dg.ScheduleDefinition(
                    name=f"{sync_job_name(source)}_schedule",
                    job_name=sync_job_name(source),
                    cron_schedule=cron,
                    execution_timezone="UTC",
                    default_status=dg.DefaultScheduleStatus.RUNNING if own else dg.DefaultScheduleStatus.STOPPED,
                )
            )
    if hub.config.backup.to and hub.config.backup.schedule:
        found.append(
            dg.ScheduleDefinition(
                name=f"{BACKUP_JOB}_schedule",
                job_name=BACKUP_JOB,
                cron_schedule=hub.config.backup.schedule,
                execution_timezone="UTC",
                default_status=dg.DefaultScheduleStatus.RUNNING,
            )
        )
    return found


def build_after_sync(hub: Hub) -> dg.SensorDefinition:
    """Requests a build once syncs have ended that came after the last load, and none is under way."""

    @dg.sensor(
        name="build_after_sync",
        job_name=BUILD_JOB,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING
        if any(s.schedule for s in hub.config.sources.values())
        else dg.DefaultSensorStatus.STOPPED,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        runs = t.sync_run.c
        if hub.control.rows(sa.select(runs.sync_run_id).where(runs.status == "running").limit(1)):
            return dg.SkipReason("a sync is under way")
        changed = runs.rows_inserted + runs.rows_updated + runs.rows_deleted
        newest = hub.control.rows(sa.select(sa.func.max(runs.ended_at).label("at")).where(changed > 0))[0]["at"]
        last = hub.control.last_load()
        if newest is None or (last is not None and last["started_at"] >= newest):
            return dg.SkipReason("nothing changed since the last load")
        return dg.RunRequest(run_key=newest.isoformat())

    return sensor
