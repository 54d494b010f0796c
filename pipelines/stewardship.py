"""A steward's acts: decide, revoke, merge, unmerge. They write to the control store only, so they work while a sync runs.

What is decided takes effect with the next load that is built. An answer that the hub has learnt yields to it (``learnt_answers``).
What the acts mean for pairs of records is the identity wing's; this joins it to the control store and the published load.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hub.contract.errors import ConfigError, NotFoundError
from hub.golden.lookup import find_customers
from hub.identity.decisions import CANNOT_LINK, MUST_LINK, Pair, Standing
from hub.identity.stewardship import Undoing, merging, undoing
from pipelines.context import Hub
from pipelines.decision_rows import Steward, audit, decisions_in_force, new_rows, revoke_rows, tasks_on, words_in_force
from pipelines.learnt_answers import settle
from warehouse import control_tables as t
from warehouse.connection import published

if TYPE_CHECKING:
    import duckdb


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
    standing = words_in_force(hub)
    if any((d.left, d.right, d.verdict, d.act) == (left, right, verdict, None) for d in standing):
        raise ConfigError(f"{verdict} on {left} and {right} is decided already", remedy="see hub review decisions")
    decision = new_rows(Standing(standing), [(left, right)], verdict, by, act=None)[0]
    hub.control.add(t.match_decision, [decision])
    settle(hub)
    hub.control.run(tasks_on(left, right).values(status="decided"))
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
    revoke_rows(hub, [d.decision_id for d in found], by)
    settle(hub)
    audit(hub, by, "revoke", any_id, decisions=[d.decision_id for d in found])
    return [d.decision_id for d in found]


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
    standing, taken = Standing(words_in_force(hub)), []
    for other, pairs in acts:
        act = f"m_{secrets.token_hex(6)}"
        taken.append((act, other, new_rows(standing, pairs, MUST_LINK, by, act)))
    hub.control.add(t.match_decision, [row for _, _, rows in taken for row in rows])
    settle(hub)
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
        revoke_rows(hub, undo.revoke, by)
    else:
        hub.control.add(t.match_decision, new_rows(Standing(words_in_force(hub)), undo.part, CANNOT_LINK, by, act))
    settle(hub)
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
