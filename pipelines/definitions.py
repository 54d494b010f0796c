"""What Dagster loads: all definitions of the hub that hub.yaml describes. `build_defs` is the seam for tests."""

from __future__ import annotations

import dagster as dg

from pipelines.alerts.sensor import alert_sensors
from pipelines.backfill_assets import backfill_assets
from pipelines.build_assets import build_assets
from pipelines.config import load_config
from pipelines.context import Hub
from pipelines.executor import noting_executor
from pipelines.gate_checks import gate_checks
from pipelines.jobs import backfill_jobs, jobs, sync_jobs
from pipelines.logs import configure
from pipelines.raw_assets import raw_assets
from pipelines.schedules import schedules
from pipelines.sensors import sensors
from pipelines.writeback_assets import write_back_assets


def build_defs(hub: Hub) -> dg.Definitions:
    """All definitions of one hub. Opens neither sources nor warehouse."""
    connectors = [hub.config.connector(name) for name in hub.config.enabled()]
    backfills = {connector.name: backfill_assets(hub, connector) for connector in connectors}
    syncs = sync_jobs(hub)
    return dg.Definitions(
        assets=[
            *(asset for connector in connectors for asset in raw_assets(hub, connector)),
            *(asset for of_source in backfills.values() for asset in of_source),
            *build_assets(hub, connectors),
            *write_back_assets(hub),
        ],
        asset_checks=[gate_checks(hub, connectors)],
        jobs=[*syncs, *backfill_jobs(backfills), *jobs(hub)],
        schedules=schedules(hub),
        sensors=[*sensors(hub, syncs), *alert_sensors(hub)],
        executor=noting_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of the hub that HUB_CONFIG or ./hub.yaml describes."""
    hub = Hub(load_config())
    configure()
    return build_defs(hub)
