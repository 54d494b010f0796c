"""Whether a channel works: looked at without sending anything, or tried with a test message. Nothing is remembered of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hub.contract.errors import ConfigError, HubError
from pipelines.alerts.channels import deliver, verify
from pipelines.alerts.message import trial
from pipelines.alerts.settings import Channel
from pipelines.context import Hub
from warehouse.control import utcnow


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
