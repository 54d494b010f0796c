"""The model gate: reasons to refuse a freshly trained model. A refused one is replaced by the documented defaults.

Judges a model by its parameters; what it would do to the records at hand is judged in ``linkage``.
"""

from __future__ import annotations

import numpy as np

from hub.identity.comparisons import comparisons
from hub.identity.model import MATCH, UNRELATED, Model

# the first level must speak for a match more than the second
ORDER = {
    "name": ((1, 59), (7, 59), (18, 59), (34, 59), (54, 59), (60, 64)),
    "address": ((1, 10), (1, 13), (2, 13), (6, 13)),
    "email": ((1, 8), (3, 8), (7, 8)),
    "phone": ((1, 3), (2, 3)),
    "birth": ((1, 6), (1, 7), (3, 7)),
    "company": ((1, 3), (2, 3)),
    "tax": ((1, 4), (2, 4), (3, 4)),
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
