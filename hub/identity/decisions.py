"""What is known of pairs of records beforehand: steward's decisions, and records that their source has merged.

A steward's decision holds whatever the data says, also through records that are deleted at the source meanwhile. A merge at the
source holds unless a steward says otherwise. This module reads and checks them; ``clustering`` obeys them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from hub.contract.errors import ConfigError
from hub.identity.sql import Connection, rows, table

MUST_LINK, CANNOT_LINK = "must_link", "cannot_link"
LEARNT = "hub (learnt)"  # who decided what was learnt from stewards' answers (``answering``)
Pair = tuple[str, str]


class Decision(NamedTuple):
    """A decision in force on two records: must_link or cannot_link; ``act`` is common to those that were taken as one.

    ``learnt`` says that no steward took it, but their answers to other questions taught it.
    """

    decision_id: str
    left: str
    right: str
    verdict: str
    act: str | None = None
    learnt: bool = False


@dataclass(frozen=True)
class Decisions:
    """What was decided.

    Attributes:
        together: groups of record keys that are one customer, each sorted; the groups are disjoint.
        apart: pairs of record keys that are two.
        linked: record keys that a must-link names.
        taught: those of them that only learnt ones name.
        absorbed: records that their source merged into another, with that other.
        overruled: the same where a steward's decision forbids it.
        learnt: pairs of record keys on which the decision was learnt; it holds like any other, but is no label.
    """

    together: tuple[tuple[str, ...], ...] = ()
    apart: tuple[Pair, ...] = ()
    linked: tuple[str, ...] = ()
    absorbed: tuple[Pair, ...] = ()
    overruled: tuple[Pair, ...] = ()
    learnt: tuple[Pair, ...] = ()
    taught: tuple[str, ...] = ()

    @property
    def records(self) -> set[str]:
        """Every record key that a decision names."""
        return {key for group in (*self.together, *self.apart) for key in group}

    @property
    def parted(self) -> set[str]:
        """Record keys that equal match keys do not make one with others: they are apart from some, or must be with such as are."""
        named = {key for pair in self.apart for key in pair}
        return named.union(*(group for group in self.together if not named.isdisjoint(group)))


class Groups:
    """Must-links as a graph: which records are one customer by decision, and by which decisions."""

    def __init__(self, links: Iterable[Decision] = ()) -> None:
        self._links: dict[str, dict[str, str]] = {}
        for link in links:
            self.add(link)

    def add(self, link: Decision) -> None:
        """Take a must-link up; of several on one pair the first is named."""
        self._links.setdefault(link.left, {}).setdefault(link.right, link.decision_id)
        self._links.setdefault(link.right, {}).setdefault(link.left, link.decision_id)

    def group(self, record: str) -> set[str]:
        """The records that are one customer with this one, itself among them."""
        found, queue = {record}, deque([record])
        while queue:
            for there in self._links.get(queue.popleft(), ()):
                if there not in found:
                    found.add(there)
                    queue.append(there)
        return found

    def all(self) -> tuple[tuple[str, ...], ...]:
        """Every group of two and more, sorted."""
        groups, seen = [], set[str]()
        for start in sorted(self._links):
            if start not in seen:
                group = self.group(start)
                seen |= group
                groups.append(tuple(sorted(group)))
        return tuple(groups)

    def path(self, start: str, end: str) -> list[str] | None:
        """The decisions that lead from one record to another, as few as possible; None where none do."""
        came: dict[str, tuple[str, str]] = {}
        queue = deque([start])
        while queue:
            here = queue.popleft()
            if here == end:
                return self._walked(came, start, end)
            for there, decision in self._links.get(here, {}).items():
                if there != start and there not in came:
                    came[there] = (here, decision)
                    queue.append(there)
        return None

    @staticmethod
    def _walked(came: dict[str, tuple[str, str]], start: str, end: str) -> list[str]:
        path = []
        while end != start:
            end, decision = came[end]
            path.append(decision)
        return sorted(path)


class Standing:
    """The decisions in force, asked whether a new one goes with them before it is taken."""

    def __init__(self, decisions: Iterable[Decision]) -> None:
        self._groups, self._cannot = Groups(), list[Decision]()
        for decision in decisions:
            self.add(decision)

    def add(self, decision: Decision) -> None:
        """Take a decision up."""
        if decision.verdict == MUST_LINK:
            self._groups.add(decision)
        else:
            self._cannot.append(decision)

    def against(self, new: Decision) -> list[str]:
        """IDs of the decisions that a new one contradicts; empty if it may be taken."""
        if new.verdict == CANNOT_LINK:
            return self._groups.path(new.left, new.right) or []
        left, right = self._groups.group(new.left), self._groups.group(new.right)
        for d in self._cannot:
            for a, b in ((d.left, d.right), (d.right, d.left)):
                if a in left and b in right:
                    found = {d.decision_id, *(self._groups.path(new.left, a) or ()), *(self._groups.path(new.right, b) or ())}
                    return sorted(found)
        return []


def read_decisions(con: Connection, relation: str | None) -> Decisions:
    """Reads a relation with the columns of identity.match_decision, and the merges that staging.party_record tells of.

    Revoked decisions do not count.

    Raises:
        ConfigError: a pair that must not be one customer is made one by other decisions; names them.
    """
    found = [] if relation is None else in_force(con, relation)
    links = [d for d in found if d.verdict == MUST_LINK]
    cannot = [d for d in found if d.verdict == CANNOT_LINK]
    groups = Groups(links)
    for decision in cannot:
        path = groups.path(decision.left, decision.right)
        if path is not None:
            said = ", ".join(path) or "naming one record twice"
            raise ConfigError(
                f"decisions contradict each other: {decision.decision_id} says cannot_link, must_link follows from {said}",
                remedy="revoke one of them",
            )
    apart = tuple(sorted({(d.left, d.right) for d in cannot}))
    query = "SELECT record_key, merged_into FROM staging.party_record WHERE merged_into IS NOT NULL AND NOT is_deleted ORDER BY ALL"
    absorbed, overruled = _admitted(rows(con, query), groups, apart)
    together = Groups([*links, *(Decision("", a, b, MUST_LINK) for a, b in absorbed)]).all()
    linked = {key for d in links for key in (d.left, d.right)}
    taught = linked - {key for d in links if not d.learnt for key in (d.left, d.right)}
    learnt = tuple(sorted((d.left, d.right) for d in found if d.learnt))
    return Decisions(together, apart, tuple(sorted(linked)), absorbed, overruled, learnt, tuple(sorted(taught)))


def in_force(con: Connection, relation: str) -> list[Decision]:
    """The decisions of a relation that are not revoked, the records of each in order."""
    columns = "decision_id, least(record_key_l, record_key_r), greatest(record_key_l, record_key_r), decision, NULL, decided_by = ?"
    query = f"SELECT {columns} FROM {relation} WHERE revoked_at IS NULL ORDER BY decision_id"
    return [Decision(*r) for r in rows(con, query, LEARNT)]


def _admitted(merges: list[Pair], groups: Groups, apart: Sequence[Pair]) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Merges of the sources that no steward forbids, and the others; of several that cannot all be, the first are admitted."""
    home: dict[str, str] = {}
    for number, group in enumerate(groups.all()):
        home.update(dict.fromkeys(group, f"\x00{number}"))

    def find(key: str) -> str:
        while home.setdefault(key, key) != key:
            key = home[key]
        return key

    enemies: dict[str, set[str]] = {}
    for a, b in apart:
        enemies.setdefault(find(a), set()).add(find(b))
        enemies.setdefault(find(b), set()).add(find(a))
    admitted, refused = [], []
    for pair in merges:
        a, b = find(pair[0]), find(pair[1])
        if b in {find(enemy) for enemy in enemies.get(a, ())}:
            refused.append(pair)
            continue
        admitted.append(pair)
        if a != b:
            home[a] = b
            enemies.setdefault(b, set()).update(enemies.pop(a, ()))
    return tuple(admitted), tuple(refused)


def describe(con: Connection, decisions: Decisions, relation: str | None, live: str | None) -> None:
    """Makes tables of record keys, for reasons and causes.

    id_together: those a steward linked; id_taught: those that nothing but what was learnt from their answers linked; id_absorbed:
    those merged at the source; id_source_merged: these and those that absorbed them; id_ruled: those a decision names that is in
    force, or was until it was revoked since the live load.
    """
    taught = set(decisions.taught)
    keys = {
        "id_together": [key for key in decisions.linked if key not in taught],
        "id_taught": list(decisions.taught),
        "id_absorbed": [key for key, _ in decisions.absorbed],
        "id_source_merged": sorted({key for pair in decisions.absorbed for key in pair}),
    }
    for name, named in keys.items():
        table(con, name, record_key=pa.array(named, pa.string()))
    if relation is None:
        con.execute("CREATE OR REPLACE TEMP TABLE id_ruled (record_key VARCHAR)")
        return
    since = f"(SELECT coalesce(max(started_at), '-infinity') FROM {live}.resolution_run)" if live else "TIMESTAMP 'infinity'"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE id_ruled AS SELECT DISTINCT unnest([record_key_l, record_key_r]) AS record_key "
        f"FROM {relation} WHERE revoked_at IS NULL OR revoked_at >= {since}"
    )
