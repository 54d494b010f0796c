"""Weak links: where a customer would fall into two parts if one pair of its records were not linked.

Each link of a customer's maximum spanning tree parts it in two. Which of these parts are two customers is not decided here, only
what the parts are. Arrays in, a list out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from hub.identity.comparisons import Ints

Edge = tuple[int, int, float]  # two nodes and the weight of the pair


class Cut(NamedTuple):
    """A link of a customer, its weight, and the nodes on either side of it."""

    cluster: int
    left: int
    right: int
    weight: float
    nodes_l: frozenset[int]
    nodes_r: frozenset[int]


@dataclass(frozen=True)
class Odds:
    """ln of the odds that the answer to a question changes something, as a sum of what is known of it at first sight.

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


def weak_links(clusters: Ints, edges: Sequence[Edge], held: Mapping[int, int]) -> list[Cut]:
    """Every way to part each customer at a link of its maximum spanning tree.

    Args:
        clusters: of each edge, its customer; the edges of a customer side by side and by falling weight.
        edges: compared pairs inside customers.
        held: nodes that a must-link names, with the group they are held in; a link between two parts of a group is no question.
    """
    bounds = pairwise([*np.flatnonzero(np.diff(clusters, prepend=-1)).tolist(), len(edges)])
    return [cut for start, end in bounds for cut in _cuts(int(clusters[start]), edges[start:end], held)]


def _cuts(cluster: int, edges: Sequence[Edge], held: Mapping[int, int]) -> Iterator[Cut]:
    """Every way to part one customer; edges come by falling weight."""
    tree = _spanning(edges)
    near: dict[int, set[int]] = {}
    for a, b, _ in tree:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    for left, right, weight in tree:
        side = _reached(near, left, right)
        other = near.keys() - side
        if {held[n] for n in side if n in held}.isdisjoint(held[n] for n in other if n in held):
            yield Cut(cluster, left, right, weight, frozenset(side), frozenset(other))


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
