"""What is remembered of alerts, in the control store: what each channel knows, and what it is still owed.

`remember` compares what is wrong now with what was, and notes what that owes to whom; `claim` and `settle` see to it that of
several evaluations at once one sends it. Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipelines.alerts.condition import Condition
from pipelines.alerts.settings import AlertSettings, ChannelSettings
from pipelines.context import Hub
from warehouse.alert_tables import alert, alert_delivery

OPENED, REMINDER, RECOVERED = "opened", "reminder", "recovered"
_CALM = timedelta(days=7)  # an end that draws near is no news every day
_LEASE = timedelta(minutes=5)  # longer than all tries of a channel take: whoever claimed a message before is dead


@dataclass(frozen=True)
class Owed:
    """A message that a channel did not get yet: which, and the row of its alert."""

    message: str
    alert: Mapping[str, Any]


def remember(con: sa.Connection, settings: AlertSettings, found: Sequence[Condition], now: datetime) -> None:
    """Bring the state up to what is wrong now, and note what is owed.

    Args:
        con: a transaction that no other evaluation is in.
    """
    names = [channel.name for channel in settings.channels]
    con.execute(sa.delete(alert_delivery).where(alert_delivery.c.channel.not_in(names)))
    known = {row["alert_key"]: dict(row) for row in con.execute(sa.select(alert)).mappings()}
    told = {(row["alert_key"], row["channel"]): dict(row) for row in con.execute(sa.select(alert_delivery)).mappings()}
    for condition in found:
        row = known.get(condition.key)
        begins = row is None or row["resolved_at"] is not None
        _keep(con, condition, row, begins, now)
        for channel in settings.channels:
            if channel.wants(condition.kind, condition.severity):
                message = _due(condition, told.get((condition.key, channel.name)), begins, settings, now)
                _owe(con, condition.key, channel.name, message, told)
    still = {condition.key for condition in found}
    for key, row in known.items():
        if row["resolved_at"] is None and key not in still:
            con.execute(sa.update(alert).where(alert.c.alert_key == key).values(resolved_at=now))
            if row["is_event"]:
                continue  # it is never over, only no news any more; whoever was not told of it yet still is
            for (owner, name), delivery in told.items():
                if owner == key and (delivery["owed"] or delivery["last_sent"]) not in (None, RECOVERED):
                    _owe(con, key, name, RECOVERED, told)


def _keep(con: sa.Connection, condition: Condition, row: dict[str, Any] | None, begins: bool, now: datetime) -> None:
    said = asdict(condition)
    values = {
        "alert_key": said.pop("key"),
        "place": said.pop("where"),
        **said,
        "since": condition.since or (now if row is None or begins else row["since"]),
        "last_seen": now,
    }
    if begins:
        values |= {"first_seen": now, "resolved_at": None, "episodes": (row["episodes"] if row else 0) + 1}
    if row is None:
        con.execute(sa.insert(alert).values(values))
    else:
        con.execute(sa.update(alert).where(alert.c.alert_key == condition.key).values(values))


def _due(condition: Condition, delivery: dict[str, Any] | None, begins: bool, settings: AlertSettings, now: datetime) -> str | None:
    if begins or delivery is None:
        return OPENED
    if delivery["owed"] is not None or condition.is_event:
        return None
    patience = timedelta(hours=settings.remind_hours)
    if condition.kind == "expiring":
        patience = max(patience, _CALM)
    return REMINDER if delivery["last_sent_at"] + patience <= now else None


def _owe(
    con: sa.Connection, key: str, channel: str, message: str | None, told: Mapping[tuple[str, str], Mapping[str, Any]]
) -> None:
    if message is None:
        return
    # a claim on what was owed before must not settle this: whoever sends that finds its claim gone
    values = {"owed": message, "claim": None, "claimed_until": None}
    if (key, channel) in told:
        same = (alert_delivery.c.alert_key == key) & (alert_delivery.c.channel == channel)
        con.execute(sa.update(alert_delivery).where(same).values(values))
    else:
        con.execute(sa.insert(alert_delivery).values(alert_key=key, channel=channel, **values))


def owed_to(hub: Hub, channel: ChannelSettings) -> list[Owed]:
    """What a channel is owed, the oldest first."""
    rows = hub.control.rows(
        sa.select(alert, alert_delivery.c.owed, alert_delivery.c.last_sent)
        .join(alert_delivery, alert.c.alert_key == alert_delivery.c.alert_key)
        .where(alert_delivery.c.channel == channel.name, alert_delivery.c.owed.is_not(None))
        .order_by(alert.c.first_seen, alert.c.alert_key)
    )
    return [Owed(row["owed"], row) for row in rows]


def claim(hub: Hub, channel: ChannelSettings, owed: Owed, token: str, now: datetime) -> bool:
    """Take a message to send it; whether it is ours. It is not, if another evaluation sends it or sent it."""
    row = alert_delivery.c
    free = row.claim.is_(None) | (row.claimed_until < now)
    mine = _row(channel, owed) & (row.owed == owed.message) & free
    return hub.control.run(sa.update(alert_delivery).where(mine).values(claim=token, claimed_until=now + _LEASE)) == 1


def settle(hub: Hub, channel: ChannelSettings, owed: Owed, token: str, now: datetime, error: str | None) -> None:
    """Note what became of a message that was claimed: it was sent, or it is still owed and why."""
    free = {"claim": None, "claimed_until": None}
    done = {"owed": None, "last_sent": owed.message, "last_sent_at": now, "error": None, "failed_at": None}
    values = free | (done if error is None else {"error": error, "failed_at": now})
    mine = _row(channel, owed) & (alert_delivery.c.claim == token)
    hub.control.run(sa.update(alert_delivery).where(mine).values(values))


def _row(channel: ChannelSettings, owed: Owed) -> sa.ColumnElement[bool]:
    return sa.and_(alert_delivery.c.alert_key == owed.alert["alert_key"], alert_delivery.c.channel == channel.name)


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
