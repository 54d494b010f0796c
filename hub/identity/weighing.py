"""From compared pairs to match weights: one weight for each pattern of levels, whatever number of pairs has it."""

from __future__ import annotations

import numpy as np

from hub.identity.clustering import FORBIDDEN
from hub.identity.comparisons import name_only
from hub.identity.doubts import forbidden, unproven
from hub.identity.model import Model
from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, forget, patterns, run, table

UNPROVEN = -3.0  # bits: against a join, as much as another customer's record would be


def weigh(con: Connection, model: Model, settings: IdentitySettings) -> None:
    """Makes id_weight (vector, odds, weight, probability): odds is the model's match weight, weight is positive where it links.

    What ``doubts`` forbids weighs ``FORBIDDEN``, and what it leaves unproven at most ``UNPROVEN``.
    """
    vectors, _ = patterns(con, "id_compared")
    # how a sum is rounded depends on which other vectors are summed with it; the weight of a vector must not
    odds = np.round(model.weights(vectors), 8)
    needed = np.log2(settings.match_threshold / (1 - settings.match_threshold)) + settings.name_only_margin * name_only(vectors)
    weight = odds - needed
    weight = np.where(unproven(vectors), np.minimum(weight, UNPROVEN), weight)
    weight = np.where(forbidden(model, vectors), FORBIDDEN, weight)
    probability = np.round(np.exp2(np.minimum(odds, 0.0)) / (1 + np.exp2(-np.abs(odds))), 12)
    table(con, "id_weight", vector=vectors, odds=odds, weight=weight, probability=probability)


def link(con: Connection) -> None:
    """Makes id_link (l, r, weight), the pairs with a positive weight, from id_compared and id_weight."""
    forget(con, "id_link")
    run(con, "linking")
