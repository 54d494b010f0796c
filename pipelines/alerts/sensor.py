"""The sensor that evaluates alerts while the Dagster daemon runs, so that what no sync would notice is told too."""

# no `from __future__ import annotations` here: Dagster reads the context class from the annotation itself

import dagster as dg

from hub.contract.errors import HubError
from pipelines.alerts.evaluate import evaluate
from pipelines.context import Hub

SENSOR = "alerts"
_SECONDS = 60


def alert_sensors(hub: Hub) -> list[dg.SensorDefinition]:
    """One if hub.yaml names channels, else none. It starts no runs."""
    if not hub.config.alerts.channels:
        return []

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tell the channels under alerts: in hub.yaml what failed, is late, held, about to end, or recovered.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        try:
            done = evaluate(hub, context.instance)
        except HubError as error:
            return dg.SkipReason(f"could not evaluate: {error}")
        failed = [f"still owed: {line}" for line in done.failed.values()]
        return dg.SkipReason("; ".join([f"{len(done.found)} open, told {len(done.sent)} messages", *failed]))

    return [sensor]
