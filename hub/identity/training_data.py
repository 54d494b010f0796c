"""What a model is learnt from: patterns of pairs with their counts, what chance brings, and pairs whose class is known.

How it is learnt is the affair of ``training``, where the figures come from that of ``strangers`` and ``labels``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hub.identity.comparisons import Flags, Floats, Ints
from hub.identity.strangers import Strangers


@dataclass(frozen=True)
class Evidence:
    """What a model learns from.

    Attributes:
        patterns, counts: distinct vectors of the candidate pairs and how many pairs have each.
        strangers: all other pairs.
        chance: for every level of every comparison, how many pairs of strangers chance brings at least.
        everybody: the same for all pairs, strangers or not.
    """

    patterns: Ints
    counts: Floats
    strangers: Strangers
    chance: Floats
    everybody: Floats


@dataclass(frozen=True)
class Labels:
    """Pairs whose class is known.

    Attributes:
        patterns: their vectors, one a pair.
        matches: whether the pair is one customer.
        weight: how many pairs of the data one of these counts as.
    """

    patterns: Ints
    matches: Flags
    weight: float = 1.0


def told_apart(evidence: Evidence, labels: Labels | None) -> tuple[Ints, Floats, Ints]:
    """Patterns, counts and what is known of each: 1 a match, 0 none, -1 nothing. Labelled pairs leave the patterns they are of."""
    patterns, counts = evidence.patterns, evidence.counts
    unknown = np.full(len(patterns), -1, dtype=np.int64)
    if labels is None or not len(labels.patterns):
        return patterns, counts, unknown
    told, times = np.unique(np.stack([labels.patterns, labels.matches.astype(np.int64)]), axis=1, return_counts=True)
    seen = np.isin(told[0], patterns)
    taken = np.bincount(np.searchsorted(patterns, told[0][seen]), times[seen], len(patterns))
    return (
        np.concatenate([patterns, told[0]]),
        np.concatenate([np.maximum(counts - taken, 0.0), times * labels.weight]),
        np.concatenate([unknown, told[1]]),
    )
