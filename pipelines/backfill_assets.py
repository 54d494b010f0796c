"""Backfill assets: `backfill/<source>/<stream>`, one partition per day; materialising days reads those days of the stream again.

They stand beside the raw assets, not in their place: a day that was read again says nothing of how fresh a source is, and an
ordinary sync has no partitions. What they read goes into the same raw tables. Only streams that can be asked for a window have one.
"""

# no `from __future__ import annotations` here: Dagster reads the context class from the annotation itself

import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg

from connectors.contract import Connector, Stream
from pipelines.context import Hub
from pipelines.ingest import SyncRef, SyncRequest, ingest_stream
from pipelines.pauses import active_pauses, pause_line
from pipelines.raw_assets import ending_plainly, say_left_out, source_pool, sync_metadata


def backfill_key(source: str, stream: str) -> dg.AssetKey:
    """The asset key under which days of a stream are read again."""
    return dg.AssetKey(["backfill", source, stream])


def backfill_assets(hub: Hub, connector: Connector) -> list[dg.AssetsDefinition]:
    """The backfill assets of one source; none if it can only be read whole."""
    settings = hub.config.schedules
    days = dg.DailyPartitionsDefinition(settings.backfill_from.isoformat(), timezone=settings.timezone)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # of backfill_policy; it would be told at each `hub sync`
        return [_backfill_asset(hub, connector, stream, days) for stream in connector.streams() if stream.window is not None]


def _backfill_asset(hub: Hub, connector: Connector, stream: Stream, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        key=backfill_key(connector.name, stream.name),
        group_name="backfill",
        description=f"Days of {stream.name} of {connector.name}, read again: what was created or changed then. The cursor stays.",
        kinds={connector.type_name},
        tags={"source": connector.name, "kind": stream.kind},
        pool=source_pool(connector.name),
        output_required=False,  # nothing is materialised of a source that is paused
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def backfill(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        if (paused := active_pauses(hub).get(connector.name)) is not None:
            say_left_out(context, connector.name, pause_line(paused))
            return
        window = context.partition_time_window
        ref = SyncRef(context.run.run_id, dagster_run_id=context.run.run_id)
        with ending_plainly(context):
            report = ingest_stream(hub, connector, stream, ref, SyncRequest(window=(window.start, window.end)))
        yield dg.MaterializeResult(metadata={**sync_metadata(report), "since": str(window.start), "until": str(window.end)})

    return backfill
