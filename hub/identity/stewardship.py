"""What a steward's merge and unmerge mean in decisions on pairs of records. Reads a published load; writes nothing.

A merge says that all records of two customers are one customer, so that it holds however many of them are deleted later. An unmerge
takes back what joined a former ID's records to the rest: the must-links if decisions did, else it forbids what linkage joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.contract.errors import ConfigError, NotFoundError
from hub.identity.decisions import MUST_LINK, Decision, Groups, Pair
from hub.identity.sql import Connection, rows, text


@dataclass(frozen=True)
class Undoing:
    """How a merge is undone.

    Attributes:
        customer_id: the customer that is parted.
        former_id: the ID that comes back; None if the merge has not taken effect yet.
        revoke: IDs of decisions to revoke; empty if no decision made the merge.
        part: pairs of records to forbid, each in order, where linkage or a source made the merge.
    """

    customer_id: str
    former_id: str | None
    revoke: tuple[str, ...] = ()
    part: tuple[Pair, ...] = ()


def members(con: Connection, schema: str, customer_id: str) -> list[str]:
    """The record keys of a customer, in order."""
    query = f"SELECT record_key FROM {schema}.customer_xref WHERE is_current AND customer_id = ? ORDER BY record_key"
    return [key for (key,) in rows(con, query, customer_id)]


def merging(con: Connection, schema: str, left: str, right: str) -> list[Pair]:
    """The must-links that make two customers one: from the first record to each other.

    Raises:
        ConfigError: both are one customer.
        NotFoundError: a customer has no record any more.
    """
    if left == right:
        raise ConfigError(f"that is one customer already, {left}", remedy="name two that differ")
    keys: list[str] = []
    for customer in (left, right):
        mine = members(con, schema, customer)
        if not mine:
            raise NotFoundError(f"customer {customer} has no records any more", remedy="it cannot be merged")
        keys += mine
    first, *others = sorted(keys)
    return [(first, key) for key in others]


def undoing(con: Connection, schema: str, any_id: str, decisions: Sequence[Decision]) -> Undoing:
    """How the merge is undone that ended a former ID, or the newest one into a customer.

    Args:
        any_id: a customer ID of any time.
        decisions: those in force, the oldest first.

    Raises:
        NotFoundError: no such ID, nothing was merged into the customer, or the records are gone.
        ConfigError: several IDs were merged into the customer at the same time.
    """
    found = rows(con, f"SELECT status, current_customer_id FROM {schema}.customer_registry WHERE customer_id = ?", any_id)
    if not found:
        raise NotFoundError(f"no customer has or had the ID {any_id}", remedy="check the ID, or look it up by source record")
    status, current = found[0]
    if status != "merged":
        waiting = _waiting(con, schema, current, decisions)
        if waiting:
            return Undoing(current, None, revoke=waiting)
    former, merged_at = _merge(con, schema, current, any_id if status == "merged" else None)
    theirs, ours, rest = _sides(con, schema, former, current, merged_at)
    joining = _joining(decisions, theirs, rest)
    if joining:
        return Undoing(current, former, revoke=joining)
    return Undoing(current, former, part=tuple(sorted((min(a, b), max(a, b)) for a in theirs for b in ours)))


def _whole_acts(decisions: Iterable[Decision], chosen: set[str]) -> tuple[str, ...]:
    """The chosen decisions and all that were taken as one with them."""
    acts = {d.act for d in decisions if d.decision_id in chosen and d.act is not None}
    return tuple(d.decision_id for d in decisions if d.decision_id in chosen or d.act in acts)


def _waiting(con: Connection, schema: str, customer: str, decisions: Sequence[Decision]) -> tuple[str, ...]:
    """The newest act that links the customer's records to another's and that no load has applied yet."""
    named = sorted({key for d in decisions if d.verdict == MUST_LINK for key in (d.left, d.right)})
    query = f"SELECT record_key, customer_id FROM {schema}.customer_xref WHERE is_current AND list_contains(?, record_key)"
    owner: dict[str, str] = dict(rows(con, query, named))
    for d in reversed(decisions):
        left, right = owner.get(d.left), owner.get(d.right)
        if d.verdict == MUST_LINK and left and right and left != right and customer in (left, right):
            return _whole_acts(decisions, {d.decision_id})
    return ()


def _merge(con: Connection, schema: str, customer: str, former: str | None) -> tuple[str, datetime]:
    """The former ID in question, the newest if none is named, and when it was merged."""
    script = text("merge_undone").replace("{schema}", schema)
    found = con.execute(script, {"customer": customer, "former": former}).fetchall()
    if not found:
        raise NotFoundError(
            f"nothing was merged into customer {customer}",
            remedy="to part its records, decide cannot_link on two of them with hub review decide",
        )
    if len(found) > 1:
        several = ", ".join(r[0] for r in found)
        raise ConfigError(f"several customers were merged into {customer} at one time", remedy=f"name one of {several}")
    return found[0]


def _sides(con: Connection, schema: str, former: str, current: str, merged_at: datetime) -> tuple[set[str], set[str], set[str]]:
    """Of the records the customer has now: those the former ID had last, those that others had then, and all but the first."""
    script = text("merge_sides").replace("{schema}", schema)
    found = con.execute(script, {"customer": current, "former": former, "merged_at": merged_at}).fetchall()
    theirs = {key for key, is_theirs, _ in found if is_theirs}
    ours = {key for key, is_theirs, is_older in found if is_older and not is_theirs}
    if not theirs or not ours:
        raise NotFoundError(f"the records that {former if not theirs else current} had are gone", remedy="nothing is left to part")
    return theirs, ours, {key for key, is_theirs, _ in found if not is_theirs}


def _joining(decisions: Sequence[Decision], theirs: set[str], rest: set[str]) -> tuple[str, ...]:
    """The must-links that join two sides, with what was taken as one with them; also through records that are gone."""
    left = [d for d in decisions if d.verdict == MUST_LINK]
    across = {d.decision_id for d in left if (d.left in theirs and d.right in rest) or (d.left in rest and d.right in theirs)}
    chosen = set(_whole_acts(left, across))
    alive = theirs | rest
    while True:
        left = [d for d in left if d.decision_id not in chosen]
        links = Groups(left)
        path = next((p for a in sorted(theirs) for b in sorted(rest & links.group(a)) if (p := links.path(a, b))), None)
        if path is None:
            return tuple(d.decision_id for d in decisions if d.decision_id in chosen)
        through = {d.decision_id for d in left if d.decision_id in path and not {d.left, d.right} <= alive}
        chosen |= set(_whole_acts(left, through))
