"""Pins: which load, if any, somebody went back to, so that no other is published over it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from pipelines.context import Hub
from warehouse import control_tables as t


def active_pin(hub: Hub) -> dict[str, Any] | None:
    """The load_pin row in force: no other load is published until it is released."""
    query = sa.select(t.load_pin).where(t.load_pin.c.released_at.is_(None)).order_by(t.load_pin.c.pinned_at.desc()).limit(1)
    return next(iter(hub.control.rows(query)), None)
