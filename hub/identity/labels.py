"""Pairs whose class is known: what stewards have decided, and records that hold the ID which another system gave.

What is learnt from them is the affair of ``training``; that decisions hold whatever the model says, that of ``clustering``.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pyarrow as pa

from hub.identity.decisions import Decisions
from hub.identity.sql import Connection, run, table
from hub.identity.training_data import Labels

MOST_OF_A_GROUP = 10  # records of one group of must-links that are paired with each other


def known_pairs(con: Connection, decisions: Decisions, weight: float) -> Labels:
    """The candidates of id_compared whose class is known.

    A ``legacy_id`` counts where one record alone of another system has that ID, and where at least half of the pairs which two
    streams make in this way were candidates anyway. A steward's word goes before it. What was learnt from answers is no label, nor
    is a group that it helped to make: a model is not taught by what follows from a model.
    """
    said = [group for group in decisions.together if not any(set(pair) <= set(group) for pair in decisions.learnt)]
    together = [pair for group in said for pair in combinations(group[:MOST_OF_A_GROUP], 2)]
    apart = [pair for pair in decisions.apart if pair not in decisions.learnt]
    pairs = [*together, *apart]
    table(
        con,
        "id_known",
        l=pa.array([a for a, _ in pairs], pa.string()),
        r=pa.array([b for _, b in pairs], pa.string()),
        matches=pa.array([*[True] * len(together), *[False] * len(apart)], pa.bool_()),
    )
    run(con, "labels")
    found = con.execute("SELECT vector, matches FROM id_label ORDER BY ALL").fetchnumpy()
    return Labels(np.asarray(found["vector"], dtype=np.int64), np.asarray(found["matches"], dtype=np.bool_), weight)
