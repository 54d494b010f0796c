"""Guarded joins of many small components at once: the i-th best edge of every component is looked at in the i-th turn.

Does what ``one_by_one`` does, for components without decisions that no limit of size can touch. Nearly all components are such, and
arrays go through a million of them in the time that a loop takes for a few thousand.
"""

from __future__ import annotations

import numpy as np

from hub.identity.comparisons import Flags, Ints
from hub.identity.graph import COMPANY, PERSON, Graph, Joined
from hub.identity.guard import Guard

# components are laid out in squares of the next of these sizes
_SIDES = (3, 4, 6, 8, 12)
LARGEST = _SIDES[-1]


def join_side_by_side(graph: Graph, guard: Guard) -> Joined:
    """Joins what may be joined along the edges of a graph whose components have at most LARGEST nodes."""
    n = len(graph.kinds)
    order = np.argsort(graph.component, kind="stable")
    size = np.bincount(graph.component, minlength=n)
    first = np.cumsum(size) - size  # of each component, where its nodes begin in ``order``
    slot = np.empty(n, dtype=np.int64)
    slot[order] = np.arange(n) - first[graph.component[order]]
    group, refused = np.arange(n), np.zeros(len(graph.left), dtype=np.bool_)
    smaller = 0
    for side in _SIDES:
        mine = (size > smaller) & (size <= side)
        smaller = side
        row = np.cumsum(mine) - 1
        nodes = np.flatnonzero(mine[graph.component])
        edges = np.flatnonzero(mine[graph.component[graph.left]])
        if not len(edges):
            continue
        squares = _Squares(int(mine.sum()), side, guard)
        squares.lay(row[graph.component[nodes]], slot[nodes], graph.kinds[nodes])
        of_edge = row[graph.component[graph.left[edges]]]
        left, right = slot[graph.left[edges]], slot[graph.right[edges]]
        squares.weigh(of_edge, left, right, graph.units[edges])
        links = graph.links[edges]
        refused[edges[links]] = squares.join(of_edge[links], left[links], right[links], graph.units[edges[links]])
        leader = squares.leader[row[graph.component[nodes]], slot[nodes]]
        group[nodes] = order[first[graph.component[nodes]] + leader]
    return Joined(group, refused, np.zeros(len(graph.left), dtype=np.bool_))


class _Squares:
    """Components of about one size: of each the summed weights between its groups, named by their least slot."""

    def __init__(self, rows: int, side: int, guard: Guard) -> None:
        self.guard = guard
        self.across = np.zeros((rows, side, side), dtype=np.int64)
        self.leader = np.tile(np.arange(side), (rows, 1))
        self.kind = np.zeros((rows, side), dtype=np.int64)
        self.size = np.ones((rows, side), dtype=np.int64)

    def lay(self, row: Ints, slot: Ints, kinds: Ints) -> None:
        self.kind[row, slot] = kinds

    def weigh(self, row: Ints, left: Ints, right: Ints, units: Ints) -> None:
        self.across[:] = -self.guard.uncompared
        self.across[row, left, right] = self.across[row, right, left] = units

    def join(self, row: Ints, left: Ints, right: Ints, units: Ints) -> Flags:
        """Goes through edges that link, the best first; yields those that were refused."""
        refused = np.zeros(len(row), dtype=np.bool_)
        by_row = np.argsort(row, kind="stable")
        edges_of = np.bincount(row)
        turn = np.empty(len(row), dtype=np.int64)
        turn[by_row] = np.arange(len(row)) - np.repeat(np.cumsum(edges_of) - edges_of, edges_of)
        by_turn = np.argsort(turn, kind="stable")
        for edges in np.split(by_turn, np.cumsum(np.bincount(turn))[:-1]):
            one, other = self.leader[row[edges], left[edges]], self.leader[row[edges], right[edges]]
            apart = one != other
            edges, low, high = edges[apart], np.minimum(one, other)[apart], np.maximum(one, other)[apart]
            forbidden = self._forbidden(row[edges], low, high, units[edges])
            refused[edges[forbidden]] = True
            self._unite(row[edges[~forbidden]], low[~forbidden], high[~forbidden])
        return refused

    def _forbidden(self, row: Ints, low: Ints, high: Ints, link: Ints) -> Flags:
        sizes = self.size[row, low], self.size[row, high]
        surplus = self.guard.surplus(self.across[row, low, high], link, sizes[0] * sizes[1], np.minimum(*sizes))
        one, other = self.kind[row, low] & (PERSON | COMPANY), self.kind[row, high] & (PERSON | COMPANY)
        return np.asarray((surplus <= 0) | (one * other == PERSON * COMPANY))

    def _unite(self, row: Ints, low: Ints, high: Ints) -> None:
        """Makes two groups of each row one; a row is named at most once."""
        self.across[row, low] += self.across[row, high]
        self.across[row, :, low] += self.across[row, :, high]
        self.kind[row, low] |= self.kind[row, high]
        self.size[row, low] += self.size[row, high]
        leader = self.leader[row]
        self.leader[row] = np.where(leader == high[:, None], low[:, None], leader)
