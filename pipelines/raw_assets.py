"""Raw assets: one per stream, `raw/<source>/<stream>`; materialising one syncs that stream. Only the Dagster side of it is here."""

# no `from __future__ import annotations` here: Dagster reads the config classes from the annotations themselves

from datetime import timedelta
from typing import Any

import dagster as dg

from connectors.contract import Connector, Stream
from hub.contract.errors import HubError
from pipelines.context import Hub
from pipelines.ingest import SyncRef, SyncReport, ingest_stream

BATCH_TAG = "hub/batch"


class SyncConfig(dg.Config):
    """What a run may ask of a stream's sync."""

    full: bool = False
    limit: int | None = None


def raw_key(source: str, stream: str) -> dg.AssetKey:
    """The asset key of a stream's raw table."""
    return dg.AssetKey(["raw", source, stream])


def raw_assets(hub: Hub, connector: Connector) -> list[dg.AssetsDefinition]:
    """The assets of one source."""
    return [_raw_asset(hub, connector, stream) for stream in connector.streams()]


def _raw_asset(hub: Hub, connector: Connector, stream: Stream) -> dg.AssetsDefinition:
    settings = hub.config.sources[connector.name]

    @dg.asset(
        key=raw_key(connector.name, stream.name),
        group_name=f"ingest_{connector.family}",
        description=_description(connector, stream),
        kinds={connector.type_name, "parquet", "duckdb"},
        tags={"source": connector.name, "kind": stream.kind},
        pool=f"source_{connector.name}",
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=settings.fresh_within_hours)),
    )
    def raw(context: dg.AssetExecutionContext, config: SyncConfig) -> dg.MaterializeResult[Any]:
        ref = SyncRef(context.run.run_id, context.run.tags.get(BATCH_TAG), context.run.run_id)
        try:
            report = ingest_stream(hub, connector, stream, ref, full=config.full, limit=config.limit)
        except HubError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        return dg.MaterializeResult(metadata=sync_metadata(report))

    return raw


def _description(connector: Connector, stream: Stream) -> str:
    version = f", API version {connector.api_version}" if connector.api_version else ""
    cursor = f"incremental by {stream.cursor_field}" if stream.cursor_field else "read in full each time"
    return (
        f"{stream.name} of {connector.name} ({connector.type_name}{version}), as sent, append-only."
        f" Key {stream.primary_key}; {cursor}; deletes: {stream.deletes.value}."
    )


def sync_metadata(report: SyncReport) -> dict[str, Any]:
    """The figures of a sync, for plots over time. Counts and seconds only."""
    counts = report.counts
    return {
        "dagster/partition_row_count": counts.extracted,
        "rows_in": counts.extracted,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "deleted": counts.deleted,
        "quarantined": counts.quarantined,
        "api_calls": report.api_calls,
        "retries": report.retries,
        "seconds": round(report.seconds, 3),
    }
