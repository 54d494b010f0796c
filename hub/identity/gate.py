"""The model gate: reasons to refuse a freshly trained model. A refused one is replaced by the documented defaults.

Judges a model by its parameters; what it would do to the records at hand is judged in ``linkage``.
"""

from __future__ import annotations

import numpy as np

from hub.identity.comparisons import comparisons
from hub.identity.model import MATCH, UNRELATED, Model

# the first level must speak for a match more than the second
ORDER = {
    "name": ((1, 39), (4, 39), (9, 39), (22, 39), (34, 39), (40, 44)),
    "address": ((1, 7), (1, 9), (2, 9), (5, 9)),
    "email": ((1, 6), (3, 6), (5, 6)),
    "phone": ((1, 3), (2, 3)),
    "birth": ((1, 4), (1, 5), (2, 5)),
    "company": ((1, 3), (2, 3)),
    "tax": ((1, 3), (2, 3)),
}


def objections(model: Model) -> list[str]:
    """Why a model is not to be used; empty if it is sound."""
    if not (np.isfinite(model.probability).all() and np.isfinite(model.rates).all() and (model.probability > 0).all()):
        return ["a probability is not a number"]
    found = []
    for comparison in comparisons():
        levels = model.levels(comparison)
        weight = np.log2(levels[MATCH] / levels[UNRELATED])
        for more, less in ORDER.get(comparison.name, ()):
            if weight[more - 1] <= weight[less - 1]:
                found.append(
                    f"{comparison.name}: '{comparison.levels[more - 1]}' weighs no more than '{comparison.levels[less - 1]}'"
                )
    if model.rates[MATCH] > 0.5:
        found.append(f"{model.rates[MATCH]:.0%} of all possible pairs would be matches")
    return found
