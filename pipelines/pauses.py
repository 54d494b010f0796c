"""Pauses: which sources somebody took out of the syncs for a while, and taking them in again.

A pause lies in the control store, so that it counts for whoever starts a sync: the command line, a schedule, or the Dagster UI.
"""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa

from hub.contract.errors import NotFoundError
from pipelines.context import Hub
from pipelines.moments import moment_ahead
from warehouse import control_tables as t
from warehouse.control import utcnow


def active_pauses(hub: Hub) -> dict[str, dict[str, Any]]:
    """The source_pause rows in force, by source. One whose time is over is none any more."""
    row = t.source_pause.c
    in_force = row.resumed_at.is_(None) & (row.until.is_(None) | (row.until > utcnow()))
    found = hub.control.rows(sa.select(t.source_pause).where(in_force).order_by(row.paused_at))
    return {pause["source_system"]: pause for pause in found}


def pause_line(pause: dict[str, Any]) -> str:
    """One line on a pause: since when, by whom, why and until when."""
    until = f" until {pause['until']:%Y-%m-%d %H:%M} UTC" if pause["until"] else ""
    why = f" ({pause['reason']})" if pause["reason"] else ""
    return f"paused since {pause['paused_at']:%Y-%m-%d %H:%M} UTC by {pause['paused_by']}{until}{why}"


def pause(hub: Hub, source: str, *, by: str, reason: str | None = None, until: str | None = None) -> dict[str, Any]:
    """Take a source out of the syncs; a pause it already has gives way to this one. The source_pause row.

    Args:
        until: ISO date or time at which the pause ends by itself, UTC unless it names a zone.

    Raises:
        ConfigError: there is no such source, or the time is none or past.
    """
    hub.config.connector(source)
    ends = None if until is None else moment_ahead(until, "--until")
    _end(hub, source, by)
    made: dict[str, Any] = {
        "pause_id": f"p_{secrets.token_hex(6)}",
        "source_system": source,
        "paused_by": by,
        "paused_at": utcnow(),
        "until": ends,
        "reason": reason,
        "resumed_by": None,
        "resumed_at": None,
    }
    hub.control.put(t.source_pause, [made])
    hub.control.audit("pause", source, actor=by, detail=pause_line(made), automatic=False)
    return made


def resume(hub: Hub, source: str, *, by: str) -> dict[str, Any]:
    """Let a source be synced again. The source_pause row that was in force.

    Raises:
        ConfigError: there is no such source.
        NotFoundError: it is not paused.
    """
    hub.config.connector(source)
    ended = active_pauses(hub).get(source)
    if ended is None:
        raise NotFoundError("the source is not paused", source=source, remedy="nothing to resume; hub sync reads it")
    _end(hub, source, by)
    hub.control.audit("resume", source, actor=by, detail=pause_line(ended), automatic=False)
    return ended


def _end(hub: Hub, source: str, by: str) -> None:
    row = t.source_pause.c
    standing = (row.source_system == source) & row.resumed_at.is_(None)
    hub.control.run(sa.update(t.source_pause).where(standing).values(resumed_at=utcnow(), resumed_by=by))
