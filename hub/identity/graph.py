"""The part of a graph that needs the guard, as the two ways to go through it take and give it. No rule lives here."""

from __future__ import annotations

from dataclasses import dataclass

from hub.identity.comparisons import Flags, Ints

Pairs = list[tuple[int, int]]
PERSON, COMPANY = 1, 2  # bits of a node's kind that do not go together


@dataclass(frozen=True)
class Graph:
    """Nodes 0..n-1 and the compared pairs among them, the best edge first.

    Attributes:
        kinds: of each node, bits: 1 person, 2 company, 4 unknown.
        component: of each node, the least node of its component.
        left, right: ends of the edges; both are of one component.
        units: capped weight of each edge, in whole units.
        links: edges whose uncapped weight is positive.
    """

    kinds: Ints
    component: Ints
    left: Ints
    right: Ints
    units: Ints
    links: Flags


@dataclass(frozen=True)
class Joined:
    """What became of a graph.

    Attributes:
        group: one number for each node; nodes with the same one are one cluster.
        refused: edges whose join was forbidden when their turn came.
        oversized: edges whose join would have made too large a cluster then.
    """

    group: Ints
    refused: Flags
    oversized: Flags
