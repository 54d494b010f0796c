"""What the hub says of itself to people: status and loads, from the control store and the published load only."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from pipelines.alerts.state import alert_status
from pipelines.context import Hub
from pipelines.gate import page_path
from pipelines.pauses import active_pauses
from pipelines.pins import active_pin
from pipelines.privacy.cut_offs import retention_status
from pipelines.targets import target_status
from pipelines.writeback.status import write_back_status
from warehouse import control_tables as t
from warehouse.connection import published
from warehouse.control import utcnow
from warehouse.publish import kept_loads, live_load, load_file


def hub_status(hub: Hub) -> dict[str, Any]:
    """Sources with their last sync and quarantine, the published load, and a held one if it is newer."""
    sources = source_status(hub)
    newest = hub.control.last_load()
    held = _gate(hub, newest) | _held(hub, newest) if newest is not None and newest["status"] == "held" else None
    alerts = alert_status(hub) if hub.config.alerts.channels else None
    of_loads = {"load": _live(hub), "held": held, "pin": active_pin(hub), "targets": target_status(hub)}
    of_loads["write_back"] = write_back_status(hub)
    return {"sources": sources, **of_loads, "alerts": alerts, "retention": retention_status(hub)}


def source_status(hub: Hub) -> list[dict[str, Any]]:
    """Per source of hub.yaml its last sync, whether it is fresh, and what is in quarantine."""
    last = hub.control.last_syncs()
    counts = hub.control.rows(
        sa.select(t.quarantine.c.source_system, sa.func.count().label("n"))
        .where(t.quarantine.c.status == "open")
        .group_by(t.quarantine.c.source_system)
    )
    in_quarantine = {row["source_system"]: row["n"] for row in counts}
    paused = active_pauses(hub)
    return [
        _source(hub, name, [row for row in last if row["source_system"] == name], in_quarantine.get(name, 0))
        | {"paused": paused.get(name)}
        for name in hub.config.sources
    ]


def _source(hub: Hub, name: str, streams: list[dict[str, Any]], in_quarantine: int) -> dict[str, Any]:
    settings = hub.config.sources[name]
    succeeded = [row["succeeded_at"] for row in streams]
    fresh_until = min(succeeded) + timedelta(hours=settings.fresh_within_hours) if succeeded and all(succeeded) else None
    failed = [row for row in streams if row["status"] == "failed"]
    return {
        "source": name,
        "type": settings.type,
        "enabled": settings.enabled,
        "last_sync_at": max((row["ended_at"] for row in streams), default=None),
        "result": "never" if not streams else "failed" if failed else "ok",
        "fresh": fresh_until is not None and fresh_until > utcnow(),
        "rows_in": sum(row["rows_extracted"] for row in streams),
        "loaded": sum(row["rows_inserted"] + row["rows_updated"] + row["rows_deleted"] for row in streams),
        "unchanged": sum(row["rows_unchanged"] for row in streams),
        "quarantined": sum(row["rows_quarantined"] for row in streams),
        "in_quarantine": in_quarantine,
        "error": failed[0]["error"] if failed else None,
    }


def _live(hub: Hub) -> dict[str, Any] | None:
    load_id = live_load(hub.config.warehouse)
    if load_id is None:
        return None
    with published(hub.config.warehouse) as con:
        query = (
            "SELECT l.load_id, l.records, l.customers, l.ended_at, r.id_churn_rate, r.largest_cluster, r.model_version"
            " FROM ops.load_batch l LEFT JOIN identity.resolution_run r ON r.run_id = l.load_id WHERE l.load_id = ?"
        )
        cursor = con.execute(query, [load_id])
        names = [column[0] for column in cursor.description or ()]
        load = dict(zip(names, cursor.fetchall()[0], strict=True))
        warned = con.execute(
            "SELECT check_id || ': ' || message FROM quality.check_result WHERE load_id = ? AND status = 'failed' ORDER BY 1",
            [load_id],
        ).fetchall()
    return load | {"warnings": [row[0] for row in warned]}


def _gate(hub: Hub, load: dict[str, Any]) -> dict[str, Any]:
    decision = hub.control.rows(sa.select(t.gate_decision).where(t.gate_decision.c.load_id == load["load_id"]))
    overridden = hub.control.rows(sa.select(t.gate_override.c.reason).where(t.gate_override.c.load_id == load["load_id"]))
    return load | {
        "blocking_checks": json.loads(decision[0]["blocking_checks"]) if decision else [],
        "override_reason": overridden[0]["reason"] if overridden else None,
    }


def _held(hub: Hub, load: dict[str, Any]) -> dict[str, Any]:
    """Why a load is held: check, rows, keys of some, what to do; and the page that says it all."""
    row = t.check_result.c
    failed = hub.control.rows(
        sa.select(t.check_result)
        .where(row.load_id == load["load_id"], row.status == "failed", row.severity == "critical")
        .order_by(row.check_id)
    )
    checks = [
        {
            "check_id": check["check_id"],
            "failed_rows": check["failed_rows"],
            "total_rows": check["total_rows"],
            "message": check["message"],
            "examples": json.loads(check["examples"]),
        }
        for check in failed
    ]
    return {"failed_checks": checks, "page": str(page_path(hub, load["load_id"]))}


def load_history(hub: Hub) -> list[dict[str, Any]]:
    """All loads, newest first: the checks that held them, whether and how large a file is kept, which is live, which pinned."""
    warehouse, pin = hub.config.warehouse, active_pin(hub)
    live, kept = live_load(warehouse), set(kept_loads(warehouse))
    rows = hub.control.rows(sa.select(t.load_batch).order_by(t.load_batch.c.ended_at.desc()))
    return [
        _gate(hub, row)
        | {
            "live": row["load_id"] == live,
            "kept": row["load_id"] in kept,
            "pinned": pin is not None and row["load_id"] == pin["load_id"],
            "size_bytes": load_file(warehouse, row["load_id"]).stat().st_size if row["load_id"] in kept else None,
        }
        for row in rows
    ]


def live_checks(hub: Hub) -> tuple[int, list[str]]:
    """How many checks the published load passed, and the IDs of those that warned."""
    load_id = live_load(hub.config.warehouse)
    rows = hub.control.rows(
        sa.select(t.check_result).where(t.check_result.c.load_id == load_id).order_by(t.check_result.c.check_id)
    )
    return sum(row["status"] == "passed" for row in rows), [row["check_id"] for row in rows if row["status"] == "failed"]
