"""By what the hub cuts: what hub.yaml asks for, what runs have done, and whether one is owed. In the control store."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipelines.context import Hub
from pipelines.retention_settings import QUARANTINE, RAW_HISTORY
from warehouse.control import ControlStore, utcnow
from warehouse.privacy_tables import retention_cut, retention_run


def asked(hub: Hub) -> dict[str, datetime]:
    """By table the time, UTC, before which it is to be cut today."""
    return hub.config.retention.cut_offs(utcnow().date())


def in_force(hub: Hub) -> dict[str, datetime]:
    """By table the time before which runs have cut it, of those that hub.yaml still names: what arrives is held against it."""
    tables = hub.config.retention.tables
    if not tables:
        return {}
    row = retention_cut.c
    query = sa.select(row.table_name, sa.func.max(row.cut_off).label("cut_off")).group_by(row.table_name)
    # a longer period counts at once, a shorter one once a run has cut by it
    today = asked(hub)
    return {
        found["table_name"]: min(found["cut_off"], today[found["table_name"]])
        for found in hub.control.rows(query)
        if found["table_name"] in tables and found["table_name"] not in (QUARANTINE, RAW_HISTORY)
    }


def runs_that_cut(control: ControlStore) -> int:
    """How many runs have found something: each makes a new load necessary."""
    query = sa.select(sa.func.count().label("n")).where(retention_run.c.rows > 0)
    return int(control.rows(query)[0]["n"])


def retention_status(hub: Hub, control: ControlStore | None = None) -> dict[str, Any] | None:
    """The last run, by table what it cut, and since when a run is overdue; None where hub.yaml cuts nothing."""
    settings, store = hub.config.retention, control or hub.control
    if not settings.tables:
        return None
    row = retention_run.c
    last = store.rows(sa.select(retention_run).order_by(row.started_at.desc(), row.run_id.desc()).limit(1))
    done = store.rows(sa.select(sa.func.max(row.ended_at).label("at")).where(row.status == "done"))[0]["at"]
    due = None if done is None else done + timedelta(days=settings.overdue_after_days)
    cut = sa.select(retention_cut).where(retention_cut.c.run_id == last[0]["run_id"]) if last else None
    return {
        "last_run": last[0] if last else None,
        "cut": [] if cut is None else store.rows(cut.order_by(retention_cut.c.table_name)),
        "due_at": due,
        "overdue": due is None or due < utcnow(),
    }


def overdue_line(status: dict[str, Any]) -> str | None:
    """What is told of a run that is owed; None where none is."""
    if status["last_run"] is not None and status["last_run"]["status"] == "running":
        return f"retention run {status['last_run']['run_id']} broke off or is under way"
    if not status["overdue"]:
        return None
    return "retention has never run" if status["due_at"] is None else f"retention is overdue since {status['due_at']:%Y-%m-%d}"
