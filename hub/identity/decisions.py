"""Steward's decisions: pairs of records that must, or must not, be one customer.

Decisions hold whatever the data says, also through records that are deleted at the source meanwhile. This module reads and checks
them; ``clustering`` obeys them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from hub.contract.errors import ConfigError
from hub.identity.sql import Connection, rows


@dataclass(frozen=True)
class Decisions:
    """What stewards decided.

    Attributes:
        together: groups of record keys that are one customer, each sorted; the groups are disjoint.
        apart: pairs of record keys that are two.
    """

    together: tuple[tuple[str, ...], ...] = ()
    apart: tuple[tuple[str, str], ...] = ()

    @property
    def records(self) -> set[str]:
        """Every record key that a decision names."""
        return {key for group in (*self.together, *self.apart) for key in group}


def read_decisions(con: Connection, relation: str | None) -> Decisions:
    """Reads a relation with the columns of identity.match_decision; revoked ones do not count.

    Raises:
        ConfigError: a pair that must not be one customer is made one by other decisions; names them.
    """
    if relation is None:
        return Decisions()
    columns = "decision_id, least(record_key_l, record_key_r), greatest(record_key_l, record_key_r), decision"
    found = rows(con, f"SELECT {columns} FROM {relation} WHERE revoked_at IS NULL ORDER BY decision_id")
    links: dict[str, dict[str, str]] = {}
    for decision, left, right, verdict in found:
        if verdict == "must_link":
            links.setdefault(left, {}).setdefault(right, decision)
            links.setdefault(right, {}).setdefault(left, decision)
    apart = [(decision, left, right) for decision, left, right, verdict in found if verdict == "cannot_link"]
    for decision, left, right in apart:
        path = _path(links, left, right)
        if path is not None:
            said = ", ".join(path) or "naming one record twice"
            raise ConfigError(
                f"decisions contradict each other: {decision} says cannot_link, must_link follows from {said}",
                remedy="revoke one of them",
            )
    return Decisions(_groups(links), tuple(sorted({(left, right) for _, left, right in apart})))


def _path(links: dict[str, dict[str, str]], start: str, end: str) -> list[str] | None:
    """The must-links that lead from one record to another, or None."""
    came: dict[str, tuple[str, str]] = {}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if here == end:
            return _walked(came, start, end)
        for there, decision in links.get(here, {}).items():
            if there != start and there not in came:
                came[there] = (here, decision)
                queue.append(there)
    return None


def _walked(came: dict[str, tuple[str, str]], start: str, end: str) -> list[str]:
    path = []
    while end != start:
        end, decision = came[end]
        path.append(decision)
    return sorted(path)


def _groups(links: dict[str, dict[str, str]]) -> tuple[tuple[str, ...], ...]:
    groups, seen = [], set[str]()
    for start in sorted(links):
        if start in seen:
            continue
        group, queue = {start}, deque([start])
        while queue:
            for there in links[queue.popleft()]:
                if there not in group:
                    group.add(there)
                    queue.append(there)
        seen |= group
        groups.append(tuple(sorted(group)))
    return tuple(groups)
