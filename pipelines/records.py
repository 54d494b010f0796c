"""What a build leaves in the control store: quarantine, review tasks, verdicts. All of it can be noted twice without harm."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from expectations import Verdict
from warehouse import control_tables as t
from warehouse.control import ControlStore, utcnow
from warehouse.raw import table_name

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

UNREADABLE = "record.unreadable"  # the check that landing itself makes: an ID, and a payload that can be read


def note_rejects(con: duckdb.DuckDBPyConnection, control: ControlStore) -> None:
    """Bring the quarantine up to what the warehouse turned down, and the sync runs' counts with it.

    A record whose later version was fit has left the warehouse's list; its open entry is closed as released by the source. One that
    was released and is turned down again is open again, with the reason of now.
    """
    staged = _staged_rejects(con)
    control.add(t.quarantine, [*_landed_rejects(con), *staged])
    _reopen(control, staged)
    now_open = {row["quarantine_id"] for row in staged}
    was_open = control.rows(
        sa.select(t.quarantine.c.quarantine_id).where(t.quarantine.c.status == "open", t.quarantine.c.check_id != UNREADABLE)
    )
    for row in was_open:
        if row["quarantine_id"] not in now_open:
            control.run(
                sa.update(t.quarantine)
                .where(t.quarantine.c.quarantine_id == row["quarantine_id"])
                .values(status="released", released_at=utcnow(), released_by="source")
            )
    _settle_counts(con, control)


def _reopen(control: ControlStore, staged: list[dict[str, Any]]) -> None:
    kept = t.quarantine.c
    released = control.rows(sa.select(kept.quarantine_id).where(kept.status == "released", kept.check_id != UNREADABLE))
    closed = {row["quarantine_id"] for row in released}
    anew = {"released_at": None, "released_by": None, "note": None}
    control.put(t.quarantine, [row | anew for row in staged if row["quarantine_id"] in closed])


def _entry(
    source: str, stream: str, record: str, check_id: str, reason: str, payload: Any, hashed: str, run: str, at: Any
) -> dict[str, Any]:
    key = "\n".join([source, stream, record, check_id, hashed])
    return {
        "quarantine_id": hashlib.blake2b(key.encode(), digest_size=16).hexdigest(),
        "source_system": source,
        "stream": stream,
        "source_record_id": record,
        "check_id": check_id,
        "reason": reason,
        "payload": payload,
        "payload_hash": hashed,
        "sync_run_id": run,
        "quarantined_at": at,
        "status": "open",
    }


def _landed_rejects(con: duckdb.DuckDBPyConnection) -> Iterable[dict[str, Any]]:
    rows = con.execute(
        "SELECT source_system, stream, place, reason, content, payload_hash, sync_run_id, extracted_at FROM raw.reject"
    ).fetchall()
    return [_entry(s, st, place, UNREADABLE, reason, content, h, run, at) for s, st, place, reason, content, h, run, at in rows]


def _staged_rejects(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    entries = []
    streams = con.execute("SELECT DISTINCT source_system, stream FROM staging.rejected ORDER BY ALL").fetchall()
    for source, stream in streams:
        rows = con.execute(
            f"""SELECT r.source_record_id, r.check_id, r.reason, v.payload, r.payload_hash, r.sync_run_id, r.rejected_at
            FROM staging.rejected r
            JOIN (SELECT source_record_id, arg_max(payload, version) AS payload FROM {table_name(source, stream)}
                  GROUP BY source_record_id) v USING (source_record_id)
            WHERE r.source_system = ? AND r.stream = ?""",
            [source, stream],
        ).fetchall()
        entries += [_entry(source, stream, *row) for row in rows]
    return entries


def _settle_counts(con: duckdb.DuckDBPyConnection, control: ControlStore) -> None:
    """A row that raw took in and staging turned down counts as quarantined, not as loaded."""
    rows = con.execute(
        """SELECT l.sync_run_id, l.source_system, l.stream,
             l.rows_inserted - count(DISTINCT r.source_record_id) FILTER (r.was_new),
             l.rows_updated - count(DISTINCT r.source_record_id) FILTER (NOT r.was_new),
             l.rows_quarantined + count(DISTINCT r.source_record_id)
           FROM ops.raw_load l JOIN staging.rejected r USING (sync_run_id, source_system, stream)
           GROUP BY l.sync_run_id, l.source_system, l.stream, l.rows_inserted, l.rows_updated, l.rows_quarantined"""
    ).fetchall()
    for run, source, stream, inserted, updated, quarantined in rows:
        control.run(
            sa.update(t.sync_run)
            .where(t.sync_run.c.sync_run_id == run, t.sync_run.c.source_system == source, t.sync_run.c.stream == stream)
            .values(rows_inserted=inserted, rows_updated=updated, rows_quarantined=quarantined)
        )


def note_tasks(con: duckdb.DuckDBPyConnection, control: ControlStore) -> None:
    """Add the candidate's review tasks; open ones that no longer arise are closed as gone."""
    now = utcnow()
    names = ("task_id", "kind", "record_key_l", "record_key_r", "match_probability", "detail", "worth", "records_l", "records_r")
    rows = con.execute(f"SELECT {', '.join(names)} FROM identity.review_task").fetchall()
    tasks = [dict(zip(names, row, strict=True)) for row in rows]
    known = control.rows(sa.select(t.review_task))
    before = {row["task_id"]: row for row in known}
    new = {"status": "open", "created_at": now}
    fresh = [{**(before.get(task["task_id"]) or new), **task} for task in tasks]
    # a question that stays may be worth more or less than it was
    control.put(t.review_task, [task for task in fresh if task != before.get(task["task_id"])])
    arisen = {task["task_id"] for task in tasks}
    for status, ids in (
        ("gone", [row["task_id"] for row in known if row["status"] == "open" and row["task_id"] not in arisen]),
        ("open", [row["task_id"] for row in known if row["status"] == "gone" and row["task_id"] in arisen]),
    ):
        for start in range(0, len(ids), 500):
            control.run(sa.update(t.review_task).where(t.review_task.c.task_id.in_(ids[start : start + 500])).values(status=status))


def note_verdict(control: ControlStore, verdict: Verdict, digest: str, reconciliation: pd.DataFrame) -> None:
    """Keep a verdict, its check results and the reconciliation it rests on."""
    at = verdict.decided_at.replace(tzinfo=None)
    control.put(
        t.gate_decision,
        [
            {
                "load_id": verdict.load_id,
                "decision": verdict.decision,
                "content_digest": digest,
                "blocking_checks": json.dumps(verdict.blocking),
                "warnings": json.dumps(verdict.warnings),
                "decided_at": at,
            }
        ],
    )
    control.put(
        t.check_result,
        [
            {
                "load_id": verdict.load_id,
                "check_id": result.check_id,
                "dimension": result.dimension,
                "severity": result.severity,
                "status": result.status,
                "observed": None if result.observed is None else float(result.observed),
                "threshold": None if result.threshold is None else float(result.threshold),
                "failed_rows": result.failed_rows,
                "total_rows": result.total_rows,
                "message": result.message,
                "examples": json.dumps(result.examples),
                "checked_at": at,
                "target": result.target,
                "figure_before": result.before,
                "figure_now": result.now,
            }
            for result in verdict.results
        ],
    )
    control.put(
        t.reconciliation,
        [
            {
                "load_id": verdict.load_id,
                "source_system": row["source_system"],
                "measure": row["measure"],
                "currency": row["currency"] or "",
                "source_value": row["source_value"],
                "golden_value": row["golden_value"],
                "difference": str(Decimal(row["golden_value"]) - Decimal(row["source_value"])),
            }
            for row in reconciliation.where(reconciliation.notna(), None).to_dict("records")
        ],
    )
