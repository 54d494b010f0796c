"""A steward's acts: decide, revoke, merge, unmerge. They write to the control store only, so they work while a sync runs.

What is decided takes effect with the next load that is built.
What the acts mean for pairs of records is the identity wing's; this joins it to the control store and the published load.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hub.contract.errors import ConfigError, NotFoundError
from hub.golden.lookup import find_customers
from hub.identity.decisions import CANNOT_LINK, MUST_LINK, Decision, Pair, Standing
from hub.identity.stewardship import Undoing, merging, undoing
from pipelines.context import Hub
from warehouse import control_tables as t
from warehouse.connection import published
from warehouse.control import utcnow

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Steward:
    """Who acts, and why if they say so; both are kept with each decision and in the audit log."""

    name: str
    reason: str | None = None


def decide(hub: Hub, subject: Sequence[str], verdict: str, by: Steward) -> dict[str, Any]:
    """Decide a review task (its ID), or any two records (their keys): must_link or cannot_link.

    Returns:
        The match_decision row.

    Raises:
        NotFoundError: no such task or record.
        ConfigError: the task asks about no pair, more than two records are named, or others in force contradict the decision.
    """
    left, right = sorted(_pair_of(hub, subject))
    if left == right:
        raise ConfigError(f"{left} is one record", remedy="name two")
    standing = decisions_in_force(hub)
    if any((d.left, d.right, d.verdict, d.act) == (left, right, verdict, None) for d in standing):
        raise ConfigError(f"{verdict} on {left} and {right} is decided already", remedy="see hub review decisions")
    decision = _rows(Standing(standing), [(left, right)], verdict, by, act=None)[0]
    hub.control.add(t.match_decision, [decision])
    hub.control.run(_tasks_on(left, right).values(status="decided"))
    audit(hub, by, "decide", decision["decision_id"], verdict=verdict, records=[left, right])
    return decision


def _pair_of(hub: Hub, subject: Sequence[str]) -> Pair:
    if len(subject) > 2:
        raise ConfigError(f"{len(subject)} things to decide at once", remedy="name one task or two records")
    if len(subject) == 2:
        with published(hub.config.warehouse) as con:
            for key in subject:
                if not con.execute("SELECT 1 FROM identity.customer_xref WHERE record_key = ? LIMIT 1", [key]).fetchall():
                    raise NotFoundError(f"no record has the key {key}", remedy="give it as source:stream:id, see hub customer")
        return subject[0], subject[1]
    found = hub.control.rows(sa.select(t.review_task).where(t.review_task.c.task_id == subject[0]))
    if not found:
        raise NotFoundError(f"there is no review task {subject[0]}", remedy="see hub review list")
    task = found[0]
    if task["record_key_r"] is None:
        raise ConfigError(
            f"task {task['task_id']} ({task['kind']}) asks about no pair of records",
            remedy="decide on two of the records: hub review decide RECORD RECORD cannot_link"
            if task["record_key_l"]
            else "see identity.blocked_values and identity.max_block_size in hub.yaml",
        )
    return task["record_key_l"], task["record_key_r"]


def _tasks_on(left: str, right: str) -> sa.Update:
    same = (t.review_task.c.record_key_l == left) & (t.review_task.c.record_key_r == right)
    turned = (t.review_task.c.record_key_l == right) & (t.review_task.c.record_key_r == left)
    return sa.update(t.review_task).where(same | turned)


def decisions_in_force(hub: Hub) -> list[Decision]:
    """The decisions that count, the oldest first."""
    row = t.match_decision.c
    query = sa.select(t.match_decision).where(row.revoked_at.is_(None)).order_by(row.decided_at, row.decision_id)
    return [
        Decision(r["decision_id"], r["record_key_l"], r["record_key_r"], r["decision"], r["act_id"])
        for r in hub.control.rows(query)
    ]


def _rows(standing: Standing, pairs: Sequence[Pair], verdict: str, by: Steward, act: str | None) -> list[dict[str, Any]]:
    """Decisions to be written down, unless one contradicts others."""
    at, rows = utcnow(), []
    for left, right in pairs:
        new = Decision(f"d_{secrets.token_hex(6)}", left, right, verdict, act)
        against = standing.against(new)
        if against:
            raise ConfigError(
                f"{verdict} on {left} and {right} contradicts {', '.join(against)}",
                remedy="revoke what no longer holds: hub review revoke DECISION",
            )
        standing.add(new)
        said = {"record_key_l": left, "record_key_r": right, "decision": verdict, "reason": by.reason, "act_id": act}
        rows.append({"decision_id": new.decision_id, "decided_by": by.name, "decided_at": at, **said})
    return rows


def decision_history(hub: Hub, *, everything: bool = False) -> list[dict[str, Any]]:
    """match_decision rows, newest first; revoked ones only if asked for."""
    row = t.match_decision.c
    query = sa.select(t.match_decision).order_by(row.decided_at.desc(), row.decision_id)
    return hub.control.rows(query if everything else query.where(row.revoked_at.is_(None)))


def revoke(hub: Hub, any_id: str, by: Steward) -> list[str]:
    """Revoke a decision, or all that were taken as one under an act's ID; yields the IDs of the decisions.

    Raises:
        NotFoundError: no decision in force has that ID.
    """
    found = [d for d in decisions_in_force(hub) if any_id in (d.decision_id, d.act)]
    if not found:
        raise NotFoundError(f"no decision {any_id} is in force", remedy="see hub review decisions")
    _revoked(hub, [d.decision_id for d in found], by)
    audit(hub, by, "revoke", any_id, decisions=[d.decision_id for d in found])
    return [d.decision_id for d in found]


def _revoked(hub: Hub, ids: Sequence[str], by: Steward) -> None:
    row = t.match_decision.c
    for start in range(0, len(ids), 500):
        chosen = row.decision_id.in_(ids[start : start + 500])
        done = {"revoked_at": utcnow(), "revoked_by": by.name, "revoke_reason": by.reason}
        pairs = hub.control.rows(sa.select(row.record_key_l, row.record_key_r).where(chosen))
        hub.control.run(sa.update(t.match_decision).where(chosen, row.revoked_at.is_(None)).values(**done))
        for pair in pairs:
            # the question is asked again if the next load still raises it
            hub.control.run(_tasks_on(pair["record_key_l"], pair["record_key_r"]).values(status="gone"))


def merge(hub: Hub, keys: Sequence[str], by: Steward) -> dict[str, Any]:
    """Make customers one: the first with each other one, an act each, so that each can be undone by itself.

    Args:
        keys: each finds one customer, as in `hub customer`.

    Raises:
        NotFoundError: a key finds no customer, or one without records.
        ConfigError: a key finds several, two find the same, or a decision forbids it.
    """
    if len(keys) < 2:
        raise ConfigError("a merge needs two customers", remedy="name two or more")
    with published(hub.config.warehouse) as con:
        customers = [one_customer(hub, con, key) for key in keys]
        acts = [(other, merging(con, "identity", customers[0], other)) for other in customers[1:]]
    standing, taken = Standing(decisions_in_force(hub)), []
    for other, pairs in acts:
        act = f"m_{secrets.token_hex(6)}"
        taken.append((act, other, _rows(standing, pairs, MUST_LINK, by, act)))
    hub.control.add(t.match_decision, [row for _, _, rows in taken for row in rows])
    done = []
    for act, other, rows in taken:
        said = {"act_id": act, "customer_ids": [customers[0], other], "decisions": len(rows)}
        audit(hub, by, "merge", f"{customers[0]} {other}", **said)
        done.append(said)
    return {"customer_ids": customers, "acts": done}


def unmerge(hub: Hub, key: str, by: Steward) -> dict[str, Any]:
    """Undo the merge that ended a former ID, or the newest one into a customer.

    Raises:
        NotFoundError: the key finds nothing, or nothing was merged.
        ConfigError: the key finds several customers, or it is asked for already.
    """
    with published(hub.config.warehouse) as con:
        known = con.execute("SELECT 1 FROM identity.customer_registry WHERE customer_id = ?", [key]).fetchall()
        undo = undoing(con, "identity", key if known else one_customer(hub, con, key), decisions_in_force(hub))
        began = con.execute("SELECT max(started_at) FROM identity.resolution_run").fetchall()[0][0]
    _refuse_twice(hub, undo, began)
    act = None if undo.revoke else f"u_{secrets.token_hex(6)}"
    if undo.revoke:
        _revoked(hub, undo.revoke, by)
    else:
        hub.control.add(t.match_decision, _rows(Standing(decisions_in_force(hub)), undo.part, CANNOT_LINK, by, act))
    done = {
        "customer_id": undo.customer_id,
        "former_id": undo.former_id,
        "act_id": act,
        "revoked": list(undo.revoke),
        "forbidden": len(undo.part),
    }
    audit(hub, by, "unmerge", undo.former_id or undo.customer_id, **done)
    return done


def _refuse_twice(hub: Hub, undo: Undoing, began: Any) -> None:
    """The same unmerge again before a load has applied the first would forbid what linkage has not been asked yet."""
    row = t.audit_log.c
    asked = sa.select(row.audit_id).where(row.action == "unmerge", row.subject == undo.former_id, row.at >= began)
    if undo.former_id is not None and not undo.revoke and hub.control.rows(asked):
        raise ConfigError(f"{undo.former_id} is unmerged already with the next load", remedy="run hub sync")


def one_customer(hub: Hub, con: duckdb.DuckDBPyConnection, key: str) -> str:
    """The customer that a key finds, as in `hub customer`. Raises `NotFoundError` for none, `ConfigError` for several."""
    regions = {s.country for s in hub.config.sources.values() if s.country}
    found = find_customers(con, key, region=regions.pop() if len(regions) == 1 else None)
    if not found:
        raise NotFoundError(f"no customer is known by {key!r}", remedy="try a customer ID, see hub customer")
    if len(found) > 1:
        raise ConfigError(f"{len(found)} customers are known by {key!r}", remedy=f"name one of {', '.join(found[:5])}")
    return found[0]


def audit(hub: Hub, by: Steward, action: str, subject: str, **detail: Any) -> None:
    """Note a steward's act in the audit log, with its reason."""
    kept = {**detail, "reason": by.reason} if by.reason else detail
    hub.control.audit(action, subject, actor=by.name, detail=json.dumps(kept), automatic=False)
