"""Jobs. Names only bind here; what a job runs is its assets' affair, and what starts it that of schedules and sensors."""

# no `from __future__ import annotations` here: Dagster reads the context class from the annotation itself

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from pipelines.backups import take
from pipelines.context import Hub
from pipelines.decision_rows import Steward
from pipelines.privacy.retention import retain
from pipelines.under_way import SOURCE_TAG
from pipelines.writeback.run import targets

BUILD_JOB = "build"
TARGETS_JOB = "publish_targets"
BACKUP_JOB = "backup"
RETENTION_JOB = "retention"
WRITE_BACK_JOB = "write_back"


def sync_job_name(source: str) -> str:
    """The job that syncs one source."""
    return f"sync_{source}"


def sync_jobs(hub: Hub) -> list[Any]:
    """One job per enabled source."""
    return [
        dg.define_asset_job(
            sync_job_name(source),
            selection=dg.AssetSelection.key_prefixes(["raw", source]),
            description=f"Sync all streams of {source} into raw.",
            tags={SOURCE_TAG: source},
        )
        for source in hub.config.enabled()
    ]


def backfill_jobs(assets: Mapping[str, Sequence[dg.AssetsDefinition]]) -> list[Any]:
    """One job per source that has backfill assets.

    Args:
        assets: those of each source.
    """
    return [
        dg.define_asset_job(
            f"backfill_{source}",
            selection=dg.AssetSelection.assets(*of_source),
            description=f"Read days of {source} again: choose the days when launching it.",
            tags={SOURCE_TAG: source},
        )
        for source, of_source in assets.items()
        if of_source
    ]


def jobs(hub: Hub) -> list[Any]:
    """The build; backups, retention and further targets where hub.yaml has them."""
    build = dg.define_asset_job(
        BUILD_JOB,
        selection=dg.AssetSelection.key_prefixes(["staging"], ["identity"], ["golden"], ["published"]),
        description="Stage what arrived, resolve identities, build golden, judge it, publish it if the gate passes.",
        tags={"hub/job": BUILD_JOB},
    )
    others: list[Any] = [build]
    if hub.config.backup.to:
        others.append(_backup_job(hub))
    if hub.config.retention.tables:
        others.append(_retention_job(hub))
    told = targets(hub)
    if told:
        write_back = dg.define_asset_job(
            WRITE_BACK_JOB,
            selection=dg.AssetSelection.assets(*(["write_back", source] for source in told)),
            description="Write back to the sources what of the published load they do not have yet.",
        )
        others.append(write_back)
    if not hub.config.publish:
        return others
    further = dg.define_asset_job(
        TARGETS_JOB,
        selection=dg.AssetSelection.assets(*(["published", target.name] for target in hub.config.publish)),
        description="Bring the further targets up to the published load: after a failure of theirs, and after a rollback.",
    )
    return [*others, further]


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


def _retention_job(hub: Hub) -> dg.JobDefinition:
    """Cuts what hub.yaml lets go by age."""

    @dg.op(name="cut_by_age")
    def cut_by_age(context: dg.OpExecutionContext) -> None:
        done = retain(hub, Steward("dagster"), automatic=True)
        told = {cut.table: cut.rows for cut in done.cuts}
        context.add_output_metadata({"run": done.run_id or "", **told, "rows gone or emptied": sum(done.counts.values())})

    @dg.job(name=RETENTION_JOB, description="Take out what is past its cut-off, see retention: in hub.yaml.")
    def retention() -> None:
        cut_by_age()

    return retention
