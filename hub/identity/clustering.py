"""Guarded clustering: which nodes are one customer, given the weights of the compared pairs.

Greedy correlation clustering (Bansal, Blum and Chawla 2004; the guard is our own): nodes are joined along the best edge first, and
only while enough speaks for it over *all* pairs across the two groups: the average of their weights and half the edge's own, of
which more is asked the larger the smaller group is. A pair that was compared and rejected counts against the join with its negative
weight, a pair never compared with a small penalty. So one good-looking edge cannot glue two groups that otherwise disagree, and one
record that lacks what the others have in common still finds them. Steward's decisions are absolute:
a must-link joins beforehand, a cannot-link forbids. Nothing here knows of records or SQL: arrays in, arrays out.

Each component of linking edges is clustered by itself. Pairs and full cliques need no guard; of the others the small ones are
guarded ``side_by_side``, what is large or decided upon ``one_by_one``, to the same effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hub.identity.comparisons import Flags, Floats, Ints
from hub.identity.graph import Graph, Joined, Pairs
from hub.identity.guard import Guard
from hub.identity.one_by_one import join_one_by_one
from hub.identity.side_by_side import LARGEST, join_side_by_side

WEIGHT_CAP = 20.0  # no single pair outweighs more than this, either way
FORBIDDEN = -4096.0  # the weight of a pair that is never one customer: no sum that may be reached outweighs it
UNCOMPARED = 1.0  # counts against a join for every pair that was never compared
REPEATED = 3.0  # bits by which the average over all pairs must be higher for each further node of the smaller side
# Weights are added up as whole multiples of this, so that a sum does not depend on the order of its terms.
UNIT = 2.0**-24
_GUARD = Guard(uncompared=round(UNCOMPARED / UNIT), repeated=round(REPEATED / UNIT))


@dataclass
class Clustering:
    """The outcome.

    Attributes:
        cluster: for each node of the input, the least node of its cluster.
        component: for each node, the least node that linking edges and must-links lead to.
        refused: positions of edges whose join the sum of weights, a cannot-link or the kinds forbade.
        oversized: positions of edges whose join would have made too large a cluster.
    """

    cluster: Ints
    component: Ints
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
    component = _least(components(n, np.concatenate([left[linking], ends[:, 0]]), np.concatenate([right[linking], ends[:, 1]])))
    size, links = np.bincount(component, minlength=n), np.bincount(component[left[linking]], minlength=n)
    decided = np.zeros(n, dtype=np.bool_)
    decided[component[[a for pair in (*must, *cannot) for a in pair]]] = True
    simple = (links == size * (size - 1) // 2) & (size <= max_size) & ~_mixed(component, kinds) & ~decided
    small = ~simple & ~decided & (size <= min(LARGEST, max_size))
    outcome = Clustering(component.copy(), component)
    within = component[left] == component[right]
    for chosen in (small, ~simple & ~small):
        nodes = np.flatnonzero(chosen[component])
        place = np.zeros(n, dtype=np.int64)
        place[nodes] = np.arange(len(nodes))
        edges = np.flatnonzero(within & chosen[component[left]])
        edges = edges[np.lexsort((right[edges], left[edges], -weight[edges]))]
        graph = Graph(
            kinds[nodes], place[component[nodes]], place[left[edges]], place[right[edges]], _units(weight[edges]), linking[edges]
        )
        if chosen is small:
            joined = join_side_by_side(graph, _GUARD)
        else:
            musts, cannots = (_placed(pairs, place, chosen[component]) for pairs in (must, cannot))
            joined = join_one_by_one(graph, _GUARD, musts, cannots, max_size)
        _note(outcome, nodes, edges, graph, joined)
    return outcome


def _placed(pairs: Pairs, place: Ints, here: Flags) -> Pairs:
    """Those pairs of nodes of which both are here, as pairs of places."""
    return [(int(place[a]), int(place[b])) for a, b in pairs if here[a] and here[b]]


def components(n: int, left: Ints, right: Ints) -> Ints:
    """The connected component of each of the nodes 0..n-1, numbered from 0."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(left), dtype=np.bool_), (left, right)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _note(outcome: Clustering, nodes: Ints, edges: Ints, graph: Graph, joined: Joined) -> None:
    """Writes what became of a part of the graph into the outcome; an edge whose ends met after all is not refused."""
    outcome.cluster[nodes] = nodes[_least(joined.group)]
    apart = joined.group[graph.left] != joined.group[graph.right]
    outcome.refused += edges[joined.refused & apart].tolist()
    outcome.oversized += edges[joined.oversized & apart].tolist()


def _units(weight: Floats) -> Ints:
    # rounded up, so that what links still does
    capped = np.where(weight <= FORBIDDEN, FORBIDDEN, np.clip(weight, -WEIGHT_CAP, WEIGHT_CAP))
    return np.ceil(capped / UNIT).astype(np.int64)


def _mixed(component: Ints, kinds: Ints) -> Flags:
    """Components that hold persons and companies both."""
    n = len(kinds)
    persons = np.bincount(component, (kinds & 1) > 0, n)
    companies = np.bincount(component, (kinds & 2) > 0, n)
    return np.asarray((persons > 0) & (companies > 0))


def _least(label: Ints) -> Ints:
    """Renames each label to its least member."""
    first = np.zeros(int(label.max(initial=-1)) + 1, dtype=np.int64)
    first[label[::-1]] = np.arange(len(label))[::-1]
    return first[label]
