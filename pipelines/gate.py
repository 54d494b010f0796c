"""What people do at the gate: look at a verdict, read its page, and answer for publishing a load that it holds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from expectations.page import Override, Report, ReportedCheck, to_html
from hub.contract.errors import NotFoundError, PublishRefusedError
from pipelines.contents import JUDGED
from pipelines.context import Hub
from pipelines.load_history import published_loads
from pipelines.publishing import Published, publish_candidate
from warehouse import control_tables as t
from warehouse.build_state import Candidate
from warehouse.connection import building, writer
from warehouse.control import utcnow
from warehouse.copies import copy_control
from warehouse.differences import content_digest
from warehouse.publish import live_load

_PAGES_KEPT = 100


def gate_report(hub: Hub, load_id: str | None = None) -> Report:
    """The verdict on a load, the newest one without a name, with the course of its figures.

    Raises:
        NotFoundError: no such load was judged.
    """
    decision = t.gate_decision.c
    query = sa.select(t.gate_decision).order_by(decision.decided_at.desc(), decision.load_id.desc()).limit(1)
    found = hub.control.rows(query if load_id is None else query.where(decision.load_id == load_id))
    if not found:
        what = "no load was judged yet" if load_id is None else f"no load {load_id!r} was judged"
        raise NotFoundError(what, remedy="run hub sync" if load_id is None else "see hub loads")
    verdict = found[0]
    rows = hub.control.rows(sa.select(t.check_result).where(t.check_result.c.load_id == verdict["load_id"]))
    courses = _courses(hub, verdict["load_id"])
    rank = {"failed": 0, "passed": 1, "not_applicable": 2}
    rows.sort(key=lambda row: (rank[row["status"]], row["severity"], row["check_id"]))
    checks = tuple(_reported(row, courses.get(row["check_id"], ())) for row in rows)
    return Report(verdict["load_id"], verdict["decided_at"], verdict["decision"], checks, _override(hub, verdict["load_id"]))


def _courses(hub: Hub, load_id: str) -> dict[str, tuple[float | None, ...]]:
    """Per check, what it observed in the published loads before a load and in that one."""
    loads = [load for load in published_loads(hub.control, hub.config.gate.history_loads) if load < load_id]
    loads = [*reversed(loads), load_id]
    row = t.check_result.c
    noted = hub.control.rows(sa.select(row.load_id, row.check_id, row.observed).where(row.load_id.in_(loads)))
    observed = {(found["load_id"], found["check_id"]): found["observed"] for found in noted}
    return {check: tuple(observed.get((load, check)) for load in loads) for check in {found["check_id"] for found in noted}}


def _reported(row: dict[str, Any], course: tuple[float | None, ...]) -> ReportedCheck:
    return ReportedCheck(
        row["check_id"],
        row["dimension"],
        row["severity"],
        row["status"],
        row["message"],
        row["target"],
        row["observed"],
        row["threshold"],
        row["figure_before"],
        row["figure_now"],
        row["failed_rows"] or 0,
        row["total_rows"] or 0,
        tuple(json.loads(row["examples"])),
        course,
    )


def _override(hub: Hub, load_id: str) -> Override | None:
    rows = hub.control.rows(sa.select(t.gate_override).where(t.gate_override.c.load_id == load_id))
    return Override(rows[0]["overridden_by"], rows[0]["overridden_at"], rows[0]["reason"]) if rows else None


def page_path(hub: Hub, load_id: str) -> Path:
    """Where the page of a load's verdict is."""
    return hub.config.warehouse.path.parent / "gate" / f"{load_id}.html"


def write_page(hub: Hub, load_id: str) -> Path:
    """Write the page of a verdict; the oldest pages go."""
    path = page_path(hub, load_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(to_html(gate_report(hub, load_id)), encoding="utf-8")
    os.replace(temporary, path)
    for old in sorted(path.parent.glob("*.html"))[:-_PAGES_KEPT]:
        old.unlink(missing_ok=True)
    return path


def override(hub: Hub, load_id: str, *, by: str, reason: str) -> Published:
    """Publish a held load on somebody's word: exactly the candidate that was judged, or nothing.

    Raises:
        NotFoundError: no such load.
        PublishRefusedError: it is not held, not the newest, or no longer what the gate judged.
    """
    with building(hub.config.warehouse):
        digest = _demand_held(hub, load_id)
        with writer(hub.config.warehouse) as con:
            _demand_unchanged(hub, con, load_id, digest)
        row = {"load_id": load_id, "content_digest": digest, "reason": reason, "overridden_by": by, "overridden_at": utcnow()}
        hub.control.put(t.gate_override, [row])
        hub.control.audit("gate_override", load_id, actor=by, detail=json.dumps({"reason": reason}), automatic=False)
        done = publish_overridden(hub, load_id)
    return done


def publish_overridden(hub: Hub, load_id: str) -> Published:
    """Publish a held load that somebody answers for; also what is left of an override whose process died before it published.

    Raises:
        PublishRefusedError: it is not what the gate judged, or what was published has changed since.
    """
    with writer(hub.config.warehouse) as con:
        row = hub.control.rows(sa.select(t.gate_override).where(t.gate_override.c.load_id == load_id))[0]
        candidate = _demand_unchanged(hub, con, load_id, row["content_digest"])
        copy_control(con, hub.control)
    done = publish_candidate(hub, run_id=candidate.run_id)
    write_page(hub, load_id)
    return done


def is_overridden(hub: Hub, load_id: str) -> bool:
    """Whether somebody answers for publishing a held load."""
    return _override(hub, load_id) is not None


def _demand_held(hub: Hub, load_id: str) -> str:
    """The digest of what the gate judged, if the load is held and the newest."""
    rows = hub.control.rows(sa.select(t.gate_decision).where(t.gate_decision.c.load_id == load_id))
    batch = hub.control.rows(sa.select(t.load_batch.c.status).where(t.load_batch.c.load_id == load_id))
    if not rows or not batch:
        raise NotFoundError(f"no load {load_id!r} was judged", remedy="see hub loads")
    if batch[0]["status"] != "held":
        raise PublishRefusedError(f"load {load_id} is not held", remedy="it was published; there is nothing to override")
    return str(rows[0]["content_digest"])


def _demand_unchanged(hub: Hub, con: Any, load_id: str, digest: str) -> Candidate:
    """The candidate that lies in the warehouse, if it is what the gate judged and still follows what is published."""
    rows = con.execute("SELECT load_id, follows, input_digest, started_at, run_id FROM ops.candidate").fetchall()
    candidate = Candidate(*rows[0]) if rows else None
    if candidate is None or candidate.load_id != load_id:
        raise PublishRefusedError(
            f"load {load_id} is no longer there: another one was begun since", remedy="run hub sync, which judges what is there now"
        )
    if content_digest(con, JUDGED, load_id=load_id) != digest:
        raise PublishRefusedError(f"load {load_id} changed after the gate judged it", remedy="run hub sync, which judges it anew")
    if candidate.follows != live_load(hub.config.warehouse):
        raise PublishRefusedError(
            f"load {load_id} was built on another load than the published one", remedy="run hub sync, which builds it anew"
        )
    return candidate
