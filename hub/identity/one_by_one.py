"""Guarded joins one edge after the other: for components of any size, with decisions and a limit of size."""

from __future__ import annotations

import numpy as np

from hub.identity.graph import COMPANY, PERSON, Graph, Joined, Pairs
from hub.identity.guard import Guard


def join_one_by_one(graph: Graph, guard: Guard, must: Pairs, cannot: Pairs, max_size: int) -> Joined:
    """Joins what may be joined along the edges of a graph, the best first.

    Args:
        must, cannot: pairs of nodes decided upon.
        max_size: most nodes of a cluster; must-links may exceed it.
    """
    groups = _Groups(graph, guard, must, cannot)
    refused, oversized = [], []
    linking = np.flatnonzero(graph.links)
    ends = (graph.left[linking].tolist(), graph.right[linking].tolist())
    for edge, a, b, link in zip(linking.tolist(), *ends, graph.units[linking].tolist(), strict=True):
        a, b = groups.find(a), groups.find(b)
        if a == b:
            continue
        if groups.forbidden(a, b, link):
            refused.append(edge)
        elif groups.size[a] + groups.size[b] > max_size:
            oversized.append(edge)
        else:
            groups.join(a, b)
    flags = np.zeros((2, len(graph.left)), dtype=np.bool_)
    flags[0, refused] = flags[1, oversized] = True
    return Joined(np.array([groups.find(i) for i in range(len(graph.kinds))], dtype=np.int64), flags[0], flags[1])


class _Groups:
    """Nodes joined so far: a forest, and of each root what it holds and what speaks for and against joining it to others."""

    def __init__(self, graph: Graph, guard: Guard, must: Pairs, cannot: Pairs) -> None:
        n = len(graph.kinds)
        self.guard = guard
        self.parent, self.size, self.kind = list(range(n)), [1] * n, graph.kinds.tolist()
        # of each group: summed weight (plus ``uncompared`` a pair) towards every group it was compared with
        self.across: list[dict[int, int]] = [{} for _ in range(n)]
        self.enemies: dict[int, set[int]] = {}
        for a, b, w in zip(graph.left.tolist(), graph.right.tolist(), graph.units.tolist(), strict=True):
            self.across[a][b] = self.across[b][a] = w + guard.uncompared
        for a, b in cannot:
            self.enemies.setdefault(a, set()).add(b)
            self.enemies.setdefault(b, set()).add(a)
        for a, b in must:
            self.join(self.find(a), self.find(b))

    def find(self, node: int) -> int:
        """The root of the group a node is in."""
        while self.parent[node] != node:
            self.parent[node] = self.parent[self.parent[node]]
            node = self.parent[node]
        return node

    def forbidden(self, a: int, b: int, link: int) -> bool:
        """Whether the pairs across two groups, their kinds or a decision forbid to join them along a link."""
        pairs, smaller = self.size[a] * self.size[b], min(self.size[a], self.size[b])
        total = self.across[a].get(b, 0) - self.guard.uncompared * pairs
        kinds = (self.kind[a] & (PERSON | COMPANY), self.kind[b] & (PERSON | COMPANY))
        refused = self.guard.surplus(total, link, pairs, smaller) <= 0
        return refused or kinds in ((PERSON, COMPANY), (COMPANY, PERSON)) or b in self.enemies.get(a, ())

    def join(self, a: int, b: int) -> None:
        """Makes two groups, named by their roots, one."""
        if a == b:
            return
        if len(self.across[a]) < len(self.across[b]):
            a, b = b, a
        self.parent[b] = a
        self.size[a] += self.size[b]
        self.kind[a] |= self.kind[b]
        mine, theirs = self.across[a], self.across[b]
        self.across[b] = {}
        mine.pop(b, None)
        for other, weight in theirs.items():
            if other != a:
                towards = self.across[other]
                del towards[b]
                mine[other] = towards[a] = mine.get(other, 0) + weight
        for enemy in self.enemies.pop(b, set()):
            self.enemies[enemy].discard(b)
            self.enemies[enemy].add(a)
            self.enemies.setdefault(a, set()).add(enemy)
