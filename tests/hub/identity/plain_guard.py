"""Guarded clustering written down plainly, without a thought of speed: what the fast ways must agree with."""

from __future__ import annotations

from math import ceil

from hub.identity.clustering import REPEATED, UNCOMPARED, UNIT, WEIGHT_CAP

Edges = dict[tuple[int, int], float]
Pairs = list[tuple[int, int]]


def plainly(kinds: list[int], edges: Edges, must: Pairs, cannot: Pairs, max_size: int) -> tuple[set[frozenset[int]], Edges, Edges]:
    """Clusters, edges whose join was refused, and edges whose join was too large.

    Every pair of groups is weighed anew each time, from all pairs of nodes across them.
    """
    groups = [{node} for node in range(len(kinds))]
    capped = {pair: ceil(min(max(w, -WEIGHT_CAP), WEIGHT_CAP) / UNIT) for pair, w in edges.items()}
    uncompared, repeated = round(-UNCOMPARED / UNIT), round(REPEATED / UNIT)

    def group(node: int) -> set[int]:
        return next(g for g in groups if node in g)

    def join(one: set[int], other: set[int]) -> None:
        if one is not other:
            one |= other
            groups[:] = [g for g in groups if g is not other]

    for a, b in must:
        join(group(a), group(b))
    refused: Edges = {}
    oversized: Edges = {}
    for (a, b), weight in sorted(edges.items(), key=lambda item: (-item[1], item[0])):
        one, other = group(a), group(b)
        if weight <= 0 or one is other:
            continue
        across = sum(capped.get((min(x, y), max(x, y)), uncompared) for x in one for y in other)
        pairs = len(one) * len(other)
        asked = (min(len(one), len(other)) - 1) * repeated * pairs
        kind = [{kinds[x] for x in g} & {1, 2} for g in (one, other)]
        clash = all(len(k) == 1 for k in kind) and kind[0] != kind[1]
        apart = any((x in one and y in other) or (y in one and x in other) for x, y in cannot)
        if 2 * across + pairs * capped[a, b] <= 2 * asked or clash or apart:
            refused[a, b] = weight
        elif len(one) + len(other) > max_size:
            oversized[a, b] = weight
        else:
            join(one, other)
    left_apart = [{pair: w for pair, w in kept.items() if group(pair[0]) is not group(pair[1])} for kept in (refused, oversized)]
    return {frozenset(g) for g in groups}, left_apart[0], left_apart[1]
