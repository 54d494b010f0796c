"""What people ask of alerts: what is open, what is owed, and whether a channel works."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import dagster as dg
import sqlalchemy as sa

from hub.contract.errors import ConfigError, HubError
from pipelines.alerts.channels import deliver, verify
from pipelines.alerts.evaluate import look
from pipelines.alerts.message import masked, trial
from pipelines.alerts.settings import Channel
from pipelines.context import Hub
from warehouse.alert_tables import alert, alert_delivery
from warehouse.control import utcnow


def alert_status(hub: Hub) -> dict[str, Any]:
    """What was last remembered: how many conditions are open, how many messages are owed, and which channel fails why."""
    failing = sa.select(alert_delivery.c.channel, alert_delivery.c.error).where(
        alert_delivery.c.owed.is_not(None), alert_delivery.c.error.is_not(None)
    )
    count = sa.select(sa.func.count().label("n"))
    return {
        "open": hub.control.rows(count.where(alert.c.resolved_at.is_(None), ~alert.c.is_event))[0]["n"],
        "owed": hub.control.rows(count.where(alert_delivery.c.owed.is_not(None)))[0]["n"],
        "failing": {row["channel"]: row["error"] for row in hub.control.rows(failing.order_by(alert_delivery.c.failed_at))},
    }


def alert_list(hub: Hub, instance: dg.DagsterInstance | None = None, *, now: datetime | None = None) -> list[dict[str, Any]]:
    """What is open now or still owed to a channel, the oldest first, each with what is owed to whom. Sends nothing."""
    look(hub, instance, now)
    owed: dict[str, dict[str, str]] = {}
    for row in hub.control.rows(sa.select(alert_delivery).where(alert_delivery.c.owed.is_not(None))):
        owed.setdefault(row["alert_key"], {})[row["channel"]] = row["owed"]
    rows = hub.control.rows(sa.select(alert).order_by(alert.c.first_seen, alert.c.alert_key))
    return [
        row | {"what": masked(row["what"]), "owed": owed.get(row["alert_key"], {})}
        for row in rows
        if row["resolved_at"] is None or row["alert_key"] in owed
    ]


def channels_named(hub: Hub, name: str | None) -> Sequence[Channel]:
    """The channel of that name, all without one.

    Raises:
        ConfigError: hub.yaml has no channels, or none of that name.
    """
    channels = hub.config.alerts.channels
    if not channels:
        example = "add one: alerts: {channels: [{name: ops, type: slack, url: ${SLACK_URL}}]}"
        raise ConfigError("hub.yaml has no channels", field="alerts.channels", remedy=example)
    chosen = [channel for channel in channels if name in (None, channel.name)]
    if not chosen:
        known = ", ".join(channel.name for channel in channels)
        raise ConfigError(f"no channel {name!r} in hub.yaml", field="alerts.channels", remedy=f"known are {known}")
    return chosen


def send_test(hub: Hub, channels: Sequence[Channel]) -> list[dict[str, Any]]:
    """Send each channel a test message; what each answered."""
    message = trial(hub, utcnow())
    return _outcomes(channels, lambda channel: deliver(channel, message))


def check_channels(hub: Hub) -> list[dict[str, Any]]:
    """Look at each channel's settings without sending anything."""
    return _outcomes(hub.config.alerts.channels, verify)


def _outcomes(channels: Sequence[Channel], work: Callable[[Channel], str]) -> list[dict[str, Any]]:
    rows = []
    for channel in channels:
        try:
            rows.append({"channel": channel.name, "type": channel.type, "ok": True, "says": work(channel)})
        except HubError as error:
            rows.append({"channel": channel.name, "type": channel.type, "ok": False, "says": str(error)})
    return rows
