"""Which known ID each cluster keeps: as many records as possible keep theirs.

Pure functions over small lists; the easy cases (one ID, one cluster) never come here. Ties go to the older ID, then to the cluster
that holds the record the ID was minted for.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import numpy as np


class Overlap(NamedTuple):
    """How many records an ID had and a cluster has."""

    customer_id: str
    cluster: int
    records: int
    has_seed: bool
    minted_at: datetime


def keep_ids(overlaps: Iterable[Overlap]) -> dict[int, str]:
    """The ID of each cluster: each ID at most once, the most records kept in all (maximum-weight matching)."""
    kept: dict[int, str] = {}
    for group in _connected(sorted(overlaps)):
        kept.update(_matched(group))
    return kept


def restore_ids(candidates: Iterable[Overlap]) -> dict[int, str]:
    """Former IDs given back to clusters that have none: first to the cluster with the record an ID was minted for."""
    given: dict[int, str] = {}
    used: set[str] = set()
    for c in sorted(candidates, key=lambda c: (not c.has_seed, -c.records, c.minted_at, c.customer_id, c.cluster)):
        if c.cluster not in given and c.customer_id not in used:
            given[c.cluster] = c.customer_id
            used.add(c.customer_id)
    return given


def _connected(overlaps: list[Overlap]) -> Iterable[list[Overlap]]:
    """Overlaps that share IDs or clusters, directly or through others."""
    of_id, of_cluster = defaultdict(list), defaultdict(list)
    for o in overlaps:
        of_id[o.customer_id].append(o)
        of_cluster[o.cluster].append(o)
    seen: set[Overlap] = set()
    for start in overlaps:
        if start in seen:
            continue
        seen.add(start)
        group, queue = [start], deque([start])
        while queue:
            here = queue.popleft()
            for other in (*of_id[here.customer_id], *of_cluster[here.cluster]):
                if other not in seen:
                    seen.add(other)
                    group.append(other)
                    queue.append(other)
        yield group


def _matched(group: list[Overlap]) -> dict[int, str]:
    from scipy.optimize import linear_sum_assignment

    ids = sorted({(o.minted_at, o.customer_id) for o in group})
    clusters = sorted({o.cluster for o in group})
    row = {customer_id: i for i, (_, customer_id) in enumerate(ids)}
    column = {cluster: i for i, cluster in enumerate(clusters)}
    # one record more outweighs all tie-breaks together; ranks are below len(ids)
    one = 2 * len(ids) * (len(ids) + 1)
    worth = np.zeros((len(ids), len(clusters)))
    for o in group:
        worth[row[o.customer_id], column[o.cluster]] = o.records * one + 2 * (len(ids) - row[o.customer_id]) + o.has_seed
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return {clusters[c]: ids[r][1] for r, c in zip(rows.tolist(), columns.tolist(), strict=True) if worth[r, c] > 0}
