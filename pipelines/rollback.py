"""Going back to an earlier load, and letting go of it: the pin that keeps syncs from publishing over it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from hub.contract.errors import NotFoundError
from hub.identity import carry_ids
from pipelines.context import Hub
from pipelines.pins import active_pin
from pipelines.sharing import sharer
from warehouse import control_tables as t
from warehouse.connection import linking
from warehouse.control import utcnow
from warehouse.going_back import go_back, load_before
from warehouse.publish import live_load


@dataclass(frozen=True)
class RolledBack:
    """What a rollback did: which load is live now, which was, and how many IDs issued since were carried over."""

    load_id: str
    left: str
    carried_ids: int


def rollback(hub: Hub, load_id: str | None, *, by: str, reason: str | None = None) -> RolledBack:
    """Let analysts see an earlier load again, and pin it.

    Args:
        load_id: a kept load; the newest that is older than the live one if None.

    Raises:
        NotFoundError: there is no such load any more.
        ConfigError: it is the live one.
        WarehouseBusyError: a publish took longer than the bounded wait.
    """
    settings = hub.config.warehouse
    with linking(settings):
        chosen, left, now = load_before(settings, load_id), live_load(settings) or "", utcnow()
        # the pin first: should a crash come between, nothing is published over what somebody wanted to go back to
        pin = {"pin_id": secrets.token_hex(8), "load_id": chosen, "left_load_id": left, "pinned_by": by, "pinned_at": now}
        _release(hub, by)
        hub.control.put(t.load_pin, [{**pin, "reason": reason}])
        carried = go_back(
            settings,
            chosen,
            lambda con, kept, newer: carry_ids(con, kept=kept, left=newer, load_id=left, now=now),
            sharer(hub, chosen),
        )
    why = f"; {reason}" if reason else ""
    detail = f"from load {left}, {carried} customer IDs carried over{why}"
    hub.control.audit("rollback", chosen, actor=by, detail=detail, automatic=False)
    return RolledBack(chosen, left, carried)


def release(hub: Hub, *, by: str, reason: str | None = None) -> str:
    """Let syncs publish again; the load that was pinned.

    Raises:
        NotFoundError: none is pinned.
    """
    with linking(hub.config.warehouse):
        pin = active_pin(hub)
        if pin is None:
            raise NotFoundError("no load is pinned", remedy="nothing to release; hub sync publishes")
        _release(hub, by)
    hub.control.audit("release", pin["load_id"], actor=by, detail=reason, automatic=False)
    return str(pin["load_id"])


def _release(hub: Hub, by: str) -> None:
    open_pins = t.load_pin.c.released_at.is_(None)
    hub.control.run(sa.update(t.load_pin).where(open_pins).values(released_at=utcnow(), released_by=by))
