"""Answers that the hub learns from a steward's: which questions of the queue they settle, and which of those still hold.

They are written to the control store as decisions of ``LEARNT``, those of one learning under one act's ID, with what they rest on
as the reason. So they take effect, are shown and are revoked like any other, and a load is made from them without knowing of this.
After every act of a steward those go that contradict it or that the answers no longer teach.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from hub.identity.answering import CHANGING, Lesson, Question, learnt, lessons
from hub.identity.decisions import LEARNT
from pipelines.context import Hub
from pipelines.decision_rows import Steward, audit, decision_of, new_row, revoke_rows, rows_in_force, tasks_on
from warehouse import control_tables as t
from warehouse.connection import published

Rows = Sequence[dict[str, Any]]


def learn(hub: Hub, by: Steward, *, dry_run: bool = False) -> dict[str, Any]:
    """Answer what is open in the queue and what the answers in force teach.

    Returns:
        ``lessons`` (by verdict, what the answers teach), ``act_id`` (None where nothing was learnt), ``learnt`` (record keys,
        verdict, kind and likelihood of each answer) and ``revoked`` (IDs of answers learnt before that no longer hold).
    """
    tasks, in_force = _tasks(hub), rows_in_force(hub)
    own = [row for row in in_force if row["decided_by"] != LEARNT]
    taught = lessons(_questions(tasks, _verdicts(own)))
    gone = _overtaken(in_force, taught, tasks)
    refused = _refused(hub)
    open_tasks = [task for task in tasks if task["status"] == "open" and _pair(task) not in refused]
    kept = [row for row in in_force if row["decision_id"] not in gone]
    owner, busy = _customers(hub, open_tasks, kept)
    found = learnt(taught, _questions(open_tasks, {}), map(decision_of, kept), owner, busy)
    rows = _rows(found, taught)
    act: str | None = rows[0]["act_id"] if rows else None
    done = {
        "lessons": {verdict: vars(lesson) for verdict, lesson in taught.items()},
        "act_id": act,
        "learnt": [_told(row, question, chance) for row, (question, chance) in zip(rows, found, strict=True)],
        "revoked": gone,
    }
    if not dry_run:
        _revoke(hub, gone)
        hub.control.add(t.match_decision, rows)
        for row in rows:
            hub.control.run(tasks_on(row["record_key_l"], row["record_key_r"]).values(status="decided"))
        audit(hub, by, "learn", act or "nothing", learnt=len(rows), revoked=gone, lessons=done["lessons"])
    return done


def settle(hub: Hub) -> list[str]:
    """Take back learnt answers that a steward contradicts, or that the answers in force no longer teach; yields their IDs."""
    in_force = rows_in_force(hub)
    if all(row["decided_by"] != LEARNT for row in in_force):
        return []
    tasks = _tasks(hub)
    own = [row for row in in_force if row["decided_by"] != LEARNT]
    gone = _overtaken(in_force, lessons(_questions(tasks, _verdicts(own))), tasks)
    _revoke(hub, gone)
    return gone


def _overtaken(in_force: Rows, taught: dict[str, Lesson], tasks: Rows) -> list[str]:
    """IDs of the learnt answers in force that would not be learnt now."""
    own = [decision_of(row) for row in in_force if row["decided_by"] != LEARNT]
    earlier = {(row["record_key_l"], row["record_key_r"]): row for row in in_force if row["decided_by"] == LEARNT}
    asked = [q for q in _questions(tasks, {}) if (q.left, q.right) in earlier]
    hold = {(q.left, q.right): CHANGING[q.kind] for q, _ in learnt(taught, asked, own)}
    return [row["decision_id"] for pair, row in earlier.items() if hold.get(pair) != row["decision"]]


def _revoke(hub: Hub, ids: Sequence[str]) -> None:
    revoke_rows(hub, ids, Steward(LEARNT, "a steward says otherwise, or their answers no longer teach it"))


def _tasks(hub: Hub) -> Rows:
    """Review tasks whose answers teach something or may be learnt, the oldest first."""
    row = t.review_task.c
    query = sa.select(t.review_task).where(row.kind.in_(CHANGING), row.worth.is_not(None))
    return hub.control.rows(query.order_by(row.created_at, row.task_id))


def _pair(task: dict[str, Any]) -> tuple[str, str]:
    left, right = sorted((task["record_key_l"], task["record_key_r"]))
    return left, right


def _questions(tasks: Rows, verdicts: dict[tuple[str, str], str]) -> list[Question]:
    """The questions of tasks, of several on one pair the newest; with the verdict on each."""
    newest = {_pair(task): task for task in tasks}
    return [
        Question(*pair, task["kind"], task["worth"] / (task["records_l"] * task["records_r"]), verdicts.get(pair))
        for pair, task in newest.items()
    ]


def _verdicts(own: Rows) -> dict[tuple[str, str], str]:
    """What stewards said of pairs; what belongs to a merge or an unmerge says nothing of a single question."""
    return {(row["record_key_l"], row["record_key_r"]): row["decision"] for row in own if row["act_id"] is None}


def _refused(hub: Hub) -> set[tuple[str, str]]:
    """Pairs of which somebody revoked a learnt answer: it is not learnt again."""
    row = t.match_decision.c
    query = sa.select(row.record_key_l, row.record_key_r).where(row.decided_by == LEARNT, row.revoked_by != LEARNT)
    return {(found["record_key_l"], found["record_key_r"]) for found in hub.control.rows(query)}


def _customers(hub: Hub, tasks: Rows, kept: Rows) -> tuple[dict[str, str], set[str]]:
    """Customers of the records that tasks and decisions name; and those that the next load will have otherwise.

    The queue is that of the published load: of a customer on which something has been decided since, its questions are out of date.
    """
    with published(hub.config.warehouse) as con:
        began = con.execute("SELECT max(started_at) FROM identity.resolution_run").fetchall()[0][0]
        fresh = {key for row in kept if row["decided_at"] >= began for key in (row["record_key_l"], row["record_key_r"])}
        keys = sorted({key for task in tasks for key in _pair(task)} | fresh)
        query = "SELECT record_key, customer_id FROM identity.customer_xref WHERE is_current AND list_contains(?, record_key)"
        owner: dict[str, str] = dict(con.execute(query, [keys]).fetchall())
    return owner, {owner[key] for key in fresh if key in owner}


def _rows(found: Sequence[tuple[Question, float]], taught: dict[str, Lesson]) -> list[dict[str, Any]]:
    """Learnt answers as decisions; the act's ID names what they were learnt from."""
    version = hashlib.sha256(json.dumps({verdict: vars(lesson) for verdict, lesson in taught.items()}, sort_keys=True).encode())
    rows = []
    for question, chance in found:
        verdict = CHANGING[question.kind]
        lesson = taught[verdict]
        because = f"likelihood {chance:.2f} by {lesson.answers} answers, {lesson.changing} of which were {verdict}"
        rows.append(new_row(question.left, question.right, verdict, Steward(LEARNT, because), f"l_{version.hexdigest()[:12]}"))
    return rows


def _told(row: dict[str, Any], question: Question, chance: float) -> dict[str, Any]:
    names = ("record_key_l", "record_key_r", "decision", "reason")
    return {**{name: row[name] for name in names}, "kind": question.kind, "likelihood": round(chance, 4)}
