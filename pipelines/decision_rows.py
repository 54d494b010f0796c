"""The rows of match_decision, and who writes them: a steward, or the hub where a steward's answers teach it one.

What each act of a steward writes is the affair of ``stewardship``, what is learnt that of ``learnt_answers``.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from hub.contract.errors import ConfigError
from hub.identity.decisions import LEARNT, Decision, Pair, Standing
from pipelines.context import Hub
from warehouse import control_tables as t
from warehouse.control import utcnow


@dataclass(frozen=True)
class Steward:
    """Who acts, and why if they say so; both are kept with each decision and in the audit log."""

    name: str
    reason: str | None = None


def rows_in_force(hub: Hub) -> list[dict[str, Any]]:
    """The match_decision rows that count, the oldest first."""
    row = t.match_decision.c
    query = sa.select(t.match_decision).where(row.revoked_at.is_(None)).order_by(row.decided_at, row.decision_id)
    return hub.control.rows(query)


def decision_of(row: dict[str, Any]) -> Decision:
    """What a match_decision row says."""
    learnt = row["decided_by"] == LEARNT
    return Decision(row["decision_id"], row["record_key_l"], row["record_key_r"], row["decision"], row["act_id"], learnt)


def decisions_in_force(hub: Hub) -> list[Decision]:
    """All decisions that count, the oldest first."""
    return [decision_of(row) for row in rows_in_force(hub)]


def words_in_force(hub: Hub) -> list[Decision]:
    """Those that count and that stewards took themselves; what is learnt yields to them."""
    return [decision for decision in decisions_in_force(hub) if not decision.learnt]


def new_rows(standing: Standing, pairs: Sequence[Pair], verdict: str, by: Steward, act: str | None) -> list[dict[str, Any]]:
    """Decisions to be written down, unless one contradicts others."""
    rows = []
    for left, right in pairs:
        row = new_row(left, right, verdict, by, act)
        against = standing.against(decision_of(row))
        if against:
            raise ConfigError(
                f"{verdict} on {left} and {right} contradicts {', '.join(against)}",
                remedy="revoke what no longer holds: hub review revoke DECISION",
            )
        standing.add(decision_of(row))
        rows.append(row)
    return rows


def new_row(left: str, right: str, verdict: str, by: Steward, act: str | None) -> dict[str, Any]:
    """A decision to be written down."""
    said = {"record_key_l": left, "record_key_r": right, "decision": verdict, "reason": by.reason, "act_id": act}
    return {"decision_id": f"d_{secrets.token_hex(6)}", "decided_by": by.name, "decided_at": utcnow(), **said}


def revoke_rows(hub: Hub, ids: Sequence[str], by: Steward) -> None:
    """Revoke decisions; their questions are asked again if the next load still raises them."""
    row = t.match_decision.c
    for start in range(0, len(ids), 500):
        chosen = row.decision_id.in_(ids[start : start + 500])
        done = {"revoked_at": utcnow(), "revoked_by": by.name, "revoke_reason": by.reason}
        pairs = hub.control.rows(sa.select(row.record_key_l, row.record_key_r).where(chosen))
        hub.control.run(sa.update(t.match_decision).where(chosen, row.revoked_at.is_(None)).values(**done))
        for pair in pairs:
            hub.control.run(tasks_on(pair["record_key_l"], pair["record_key_r"]).values(status="gone"))


def tasks_on(left: str, right: str) -> sa.Update:
    """An update of the review tasks about two records."""
    same = (t.review_task.c.record_key_l == left) & (t.review_task.c.record_key_r == right)
    turned = (t.review_task.c.record_key_l == right) & (t.review_task.c.record_key_r == left)
    return sa.update(t.review_task).where(same | turned)


def audit(hub: Hub, by: Steward, action: str, subject: str, **detail: Any) -> None:
    """Note a steward's act in the audit log, with its reason."""
    kept = {**detail, "reason": by.reason} if by.reason else detail
    hub.control.audit(action, subject, actor=by.name, detail=json.dumps(kept), automatic=False)
