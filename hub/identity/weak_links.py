"""Weak links: where a customer would fall into two parts if one pair of its records were not linked.

Each link of a customer's maximum spanning tree parts it in two. How likely it is that these are two customers follows from the link
itself, from the average weight over all pairs across, and from how many pairs that are; the worth of a steward's answer from how
likely it is, times the pairs. Arrays in, a list out.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log2
from typing import NamedTuple

import numpy as np

from hub.identity.clustering import UNCOMPARED
from hub.identity.comparisons import Floats, Ints

Edge = tuple[int, int, float]  # two nodes and the weight of the pair


class WeakLink(NamedTuple):
    """A link, the records on either side of it, and the pairs of records that parting them is expected to put right."""

    worth: float
    left: int
    right: int
    records_l: int
    records_r: int


@dataclass(frozen=True)
class Odds:
    """ln of the odds that the answer to a question changes something, as a sum of what is known of it.

    Attributes:
        link: times the weight of the link in question, in bits beyond the threshold.
        average: times the average weight over all pairs of distinct records across.
        size: times log2 of the pairs of records across.
        smaller: times the distinct records of the smaller side.
    """

    bias: float
    link: float
    average: float
    size: float
    smaller: float = 0.0

    def worth(self, link: float, average: float, pairs: int) -> float:
        """Expected pairs put right, where the sides' distinct records do not matter."""
        return pairs / (1 + exp(-(self.bias + self.link * link + self.average * average + self.size * log2(pairs))))


def weak_links(
    clusters: Ints,
    hopes: Floats,
    edges: Sequence[Edge],
    records: Mapping[int, int],
    held: Mapping[int, int],
    odds: Odds,
    most: int,
) -> list[WeakLink]:
    """The most valuable weak links, at most one a customer, the best first.

    Args:
        clusters, hopes: of each edge, its customer and the most that a link of that customer can be worth; sorted by falling hope,
            the edges of a customer side by side and by falling weight.
        edges: compared pairs inside customers.
        records: of each node, how many records it stands for.
        held: nodes that a must-link names, with the group they are held in; a link between two parts of a group is no question.
        most: how many are wanted.
    """
    best: list[WeakLink] = []
    for start, end in pairwise([*np.flatnonzero(np.diff(clusters, prepend=-1)).tolist(), len(edges)]):
        if len(best) == most and (most == 0 or hopes[start] <= best[0].worth):
            break
        found = max(_cuts(edges[start:end], records, held, odds), default=None)
        if found is not None:
            heapq.heappush(best, found)
            if len(best) > most:
                heapq.heappop(best)
    return sorted(best, reverse=True)


def _cuts(edges: Sequence[Edge], records: Mapping[int, int], held: Mapping[int, int], odds: Odds) -> Iterator[WeakLink]:
    """Every way to part one customer at a link of its maximum spanning tree; edges come by falling weight."""
    tree = _spanning(edges)
    near: dict[int, set[int]] = {}
    for a, b, _ in tree:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    for left, right, weight in tree:
        side = _reached(near, left, right)
        other = near.keys() - side
        if not {held[n] for n in side if n in held}.isdisjoint(held[n] for n in other if n in held):
            continue
        across = [w for a, b, w in edges if (a in side) != (b in side)]
        nodes = len(side) * len(other)
        average = (sum(across) - UNCOMPARED * (nodes - len(across))) / nodes
        records_l, records_r = (sum(records[n] for n in part) for part in (side, other))
        yield WeakLink(odds.worth(weight, average, records_l * records_r), left, right, records_l, records_r)


def _spanning(edges: Sequence[Edge]) -> list[Edge]:
    """The links of the maximum spanning tree (Kruskal 1956), or forest where must-links hold the rest together."""
    parent: dict[int, int] = {}

    def find(node: int) -> int:
        while (up := parent.setdefault(node, node)) != node:
            node = up
        return node

    tree = []
    for edge in edges:
        a, b = find(edge[0]), find(edge[1])
        if a != b and edge[2] > 0:
            parent[a] = b
            tree.append(edge)
    return tree


def _reached(near: Mapping[int, set[int]], start: int, barred: int) -> set[int]:
    """The nodes on one side of a link of the tree."""
    seen, queue = {start}, [start]
    while queue:
        here = queue.pop()
        for there in near[here]:
            if there not in seen and not (here == start and there == barred):
                seen.add(there)
                queue.append(there)
    return seen
