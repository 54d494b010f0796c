"""Look what is wrong, remember it, and tell whoever is owed. The same whoever ran the sync: a command or the daemon."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dagster as dg
import sqlalchemy as sa

from hub.contract.errors import DeliveryError, HubError
from pipelines.alerts.channels import deliver
from pipelines.alerts.condition import Condition
from pipelines.alerts.message import compose, masked
from pipelines.alerts.of_loads import load_conditions
from pipelines.alerts.of_sources import source_conditions
from pipelines.alerts.settings import Channel
from pipelines.alerts.state import claim, owed_to, remember, settle
from pipelines.context import Hub
from pipelines.instance import open_instance
from warehouse.alert_tables import alert, alert_delivery
from warehouse.control import utcnow

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found and did.

    Attributes:
        found: what is wrong now.
        sent: channel, message (opened, reminder, recovered) and key of each alert that was told.
        failed: per channel that did not take a message, the line to tell of it; the message is still owed.
    """

    found: list[Condition] = field(default_factory=list)
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def evaluate(hub: Hub, instance: dg.DagsterInstance | None = None, *, now: datetime | None = None, wait: float = 0.5) -> Evaluation:
    """Look, remember and tell. Several at once tell everything once.

    Args:
        instance: the hub's Dagster instance, if it is open.
        now: UTC, without zone.
        wait: seconds before a channel that failed is tried again.

    Raises:
        WarehouseAccessError: the control store or the Dagster instance cannot be used. A channel that fails raises nothing.
    """
    now = now or utcnow()
    found = look(hub, instance, now)
    channels = hub.config.alerts.channels
    if not channels:
        return Evaluation(found)
    with ThreadPoolExecutor(len(channels)) as pool:
        told = list(pool.map(lambda channel: _tell(hub, channel, now, wait), channels))
    failed = {channel.name: error for channel, (_, error) in zip(channels, told, strict=True) if error is not None}
    return Evaluation(found, [each for sent, _ in told for each in sent], failed)


def look(hub: Hub, instance: dg.DagsterInstance | None = None, now: datetime | None = None) -> list[Condition]:
    """What is wrong now; remembers it and what is owed, and sends nothing. Raises as `evaluate`."""
    now = now or utcnow()
    with _opened(hub, instance) as opened, hub.control.exclusive("alerts") as con:
        # looked at inside, so that nobody who looked earlier remembers later
        found = [*source_conditions(hub, opened, now), *load_conditions(hub, opened, now)]
        remember(con, hub.config.alerts, found, now)
    return found


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


def evaluate_after_sync(hub: Hub, instance: dg.DagsterInstance) -> None:
    """Evaluate at the end of a sync, if anybody is to be told. Whatever goes wrong with that is logged and fails no sync."""
    if not hub.config.alerts.channels:
        return
    try:
        done = evaluate(hub, instance)
    except HubError as error:
        log.warning("alerts could not be evaluated: %s", error)
    except Exception as error:
        # only its type: the rest of it may hold what no log should
        log.warning("alerts could not be evaluated: unexpected %s; hub alerts --debug shows more", type(error).__name__)
    else:
        for line in done.failed.values():
            log.warning("an alert is still owed: %s", line)


@contextmanager
def _opened(hub: Hub, instance: dg.DagsterInstance | None) -> Iterator[dg.DagsterInstance]:
    if instance is not None:
        yield instance
    else:
        with open_instance(hub.config) as opened:
            yield opened


def _tell(hub: Hub, channel: Channel, now: datetime, wait: float) -> tuple[list[tuple[str, str, str]], str | None]:
    """Send a channel what it is owed: what was sent, and why not all of it."""
    sent, said = list[tuple[str, str, str]](), None
    for owed in owed_to(hub, channel):
        token = secrets.token_hex(16)
        if not claim(hub, channel, owed, token, now):
            continue  # another evaluation sends it
        error, last = None, False
        try:
            deliver(channel, compose(hub, owed.message, owed.alert), wait)
            sent.append((channel.name, owed.message, owed.alert["alert_key"]))
        except HubError as failure:
            error = said = str(failure)
            # one that refuses this message may take the next; one that is away takes none
            last = not isinstance(failure, DeliveryError) or failure.passing
        settle(hub, channel, owed, token, now, error)
        if last:
            break
    return sent, said
