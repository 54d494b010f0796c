"""Guarded clustering: which nodes are one customer, given the weights of the compared pairs.

Greedy correlation clustering (Bansal, Blum and Chawla 2004; the guard of summed weights is our own): nodes are joined along the
best edge first, and only while the *sum* of the weights over all pairs across the two groups stays positive. A pair that was
compared and rejected counts against the join with its negative weight, a pair never compared with a small penalty. So one
good-looking edge cannot glue two groups that otherwise disagree, and no threshold needs tuning. Steward's decisions are absolute:
a must-link joins beforehand, a cannot-link forbids. Nothing here knows of records or SQL: arrays in, arrays out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hub.identity.comparisons import Floats, Ints

WEIGHT_CAP = 20.0  # no single pair outweighs more than this, either way
UNCOMPARED = 1.0  # counts against a join for every pair that was never compared
Pairs = list[tuple[int, int]]


@dataclass
class Clustering:
    """The outcome.

    Attributes:
        cluster: for each node of the input, the least node of its cluster.
        refused: positions of edges whose join the sum of weights, a cannot-link or the kinds forbade.
        oversized: positions of edges whose join would have made too large a cluster.
    """

    cluster: Ints
    refused: list[int] = field(default_factory=list)
    oversized: list[int] = field(default_factory=list)


def cluster(kinds: Ints, left: Ints, right: Ints, weight: Floats, must: Pairs, cannot: Pairs, *, max_size: int) -> Clustering:
    """Clusters the nodes 0..n-1.

    Args:
        kinds: of each node, bits: 1 person, 2 company, 4 unknown; a cluster never holds persons and companies both.
        left, right, weight: compared pairs; a pair links where its weight is positive.
        must, cannot: pairs of nodes a steward has decided on; must not contradict each other.
        max_size: most nodes of one cluster (must-links may exceed it).
    """
    n = len(kinds)
    linking = weight > 0
    ends = np.array(must, dtype=np.int64).reshape(-1, 2)
    component = components(n, np.concatenate([left[linking], ends[:, 0]]), np.concatenate([right[linking], ends[:, 1]]))
    inside = component[left] == component[right]
    size = np.bincount(component, minlength=n)
    links = np.bincount(component[left[linking]], minlength=n)
    simple = (links == size * (size - 1) // 2) & (size <= max_size)
    simple &= ~_mixed(component, kinds)
    for pairs in (must, cannot):
        for a, _ in pairs:
            simple[component[a]] = False
    outcome = Clustering(_least(component))
    hard = np.flatnonzero(inside & ~simple[component[left]])
    _Guard(kinds, max_size, must, cannot, component, simple).run(left, right, weight, hard, outcome)
    return outcome


def components(n: int, left: Ints, right: Ints) -> Ints:
    """The connected component of each of the nodes 0..n-1, numbered from 0."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(left), dtype=np.bool_), (left, right)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _mixed(component: Ints, kinds: Ints) -> npt.NDArray[np.bool_]:
    """Components that hold persons and companies both."""
    n = len(kinds)
    persons = np.bincount(component, (kinds & 1) > 0, n)
    companies = np.bincount(component, (kinds & 2) > 0, n)
    return np.asarray((persons > 0) & (companies > 0))


def _least(label: Ints) -> Ints:
    """Renames each label to its least member."""
    first = np.full(int(label.max(initial=-1)) + 1, len(label), dtype=np.int64)
    np.minimum.at(first, label, np.arange(len(label)))
    return first[label]


class _Guard:
    """The part of the graph that is neither a pair nor a clique, joined edge by edge."""

    def __init__(
        self, kinds: Ints, max_size: int, must: Pairs, cannot: Pairs, component: Ints, simple: npt.NDArray[np.bool_]
    ) -> None:
        nodes = np.flatnonzero(~simple[component]).tolist()
        self.parent = {i: i for i in nodes}
        self.size = dict.fromkeys(nodes, 1)
        self.kind = dict(zip(nodes, kinds[nodes].tolist(), strict=True))
        # of each group: summed weight (plus UNCOMPARED a pair) towards every group it was compared with
        self.across: dict[int, dict[int, float]] = {i: {} for i in nodes}
        self.enemies: dict[int, set[int]] = {}
        self.max_size, self.must, self.cannot = max_size, must, cannot

    def run(self, left: Ints, right: Ints, weight: Floats, hard: Ints, outcome: Clustering) -> None:
        """Joins what may be joined and writes the clusters into ``outcome``."""
        capped = np.clip(weight[hard], -WEIGHT_CAP, WEIGHT_CAP)
        for a, b, w in zip(left[hard].tolist(), right[hard].tolist(), capped.tolist(), strict=True):
            self.across[a][b] = self.across[b][a] = w + UNCOMPARED
        for a, b in self.cannot:
            if a in self.parent and b in self.parent:
                self.enemies.setdefault(a, set()).add(b)
                self.enemies.setdefault(b, set()).add(a)
        for a, b in self.must:
            self._join(self.find(a), self.find(b))
        order = hard[np.lexsort((right[hard], left[hard], -weight[hard]))]
        order = order[weight[order] > 0]
        for edge, a, b in zip(order.tolist(), left[order].tolist(), right[order].tolist(), strict=True):
            self._try(edge, self.find(a), self.find(b), outcome)
        members = np.fromiter(self.parent, dtype=np.int64, count=len(self.parent))
        groups = np.fromiter((self.find(i) for i in self.parent), dtype=np.int64, count=len(self.parent))
        least = np.full(len(outcome.cluster), len(outcome.cluster), dtype=np.int64)
        np.minimum.at(least, groups, members)
        outcome.cluster[members] = least[groups]
        for kept in (outcome.refused, outcome.oversized):
            kept[:] = [e for e in kept if outcome.cluster[left[e]] != outcome.cluster[right[e]]]

    def find(self, node: int) -> int:
        """The group a node is in."""
        while self.parent[node] != node:
            self.parent[node] = self.parent[self.parent[node]]
            node = self.parent[node]
        return node

    def _try(self, edge: int, a: int, b: int, outcome: Clustering) -> None:
        if a == b:
            return
        together = self.across[a].get(b, 0.0) - UNCOMPARED * self.size[a] * self.size[b]
        if together <= 0 or {self.kind[a] & 3, self.kind[b] & 3} == {1, 2} or b in self.enemies.get(a, ()):
            outcome.refused.append(edge)
        elif self.size[a] + self.size[b] > self.max_size:
            outcome.oversized.append(edge)
        else:
            self._join(a, b)

    def _join(self, a: int, b: int) -> None:
        if a == b:
            return
        if len(self.across[a]) < len(self.across[b]):
            a, b = b, a
        self.parent[b] = a
        self.size[a] += self.size[b]
        self.kind[a] |= self.kind[b]
        mine, theirs = self.across[a], self.across.pop(b)
        mine.pop(b, None)
        for other, weight in theirs.items():
            if other != a:
                towards = self.across[other]
                del towards[b]
                mine[other] = towards[a] = mine.get(other, 0.0) + weight
        for enemy in self.enemies.pop(b, set()):
            self.enemies[enemy].discard(b)
            self.enemies[enemy].add(a)
            self.enemies.setdefault(a, set()).add(enemy)
