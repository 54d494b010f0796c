"""What strangers look like: a random sample of the pairs that blocking left out, weighted up to all of them.

The sample shows how often chance brings each level of each comparison, and how many pairs there are of which both values are known.
Nothing here looks at candidates other than to leave them out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hub.identity.comparisons import Comparison, Floats, Ints, comparisons, masks
from hub.identity.sql import Connection, patterns, rows, run, table, text

PERSON, COMPANY = 1, 2  # kinds of nodes, as nodes.sql sets them
ENOUGH = 20_000  # comparable pairs that show the levels of a comparison well
# comparisons that many records may lack, named like their column: they get a sample of their own where the common one is thin
SPARSE = ("email", "phone", "birth", "company", "tax", "middle", "suffix")


@dataclass(frozen=True)
class Strangers:
    """All pairs that are no candidates.

    Attributes:
        levels: for every level of every comparison in order, how many of these pairs have it.
        masks, pairs: which comparisons had both values (bits), and how many of these pairs are so.
    """

    levels: Floats
    masks: Ints
    pairs: Floats


def sample_strangers(con: Connection, pairs: int) -> Strangers:
    """Samples about ``pairs`` pairs of id_node that are not in id_pair."""
    vectors, drawn, others = _draw(con, pairs, "true")
    weight = others / max(float(drawn.sum()), 1.0)
    levels = []
    for comparison in comparisons():
        counted = _levels(comparison, vectors, drawn) * weight
        if counted.sum() < ENOUGH * weight and comparison.name in SPARSE:
            mine, times, all_of_them = _draw(con, min(pairs, 2 * ENOUGH), f"{comparison.name} IS NOT NULL")
            found = _levels(comparison, mine, times)
            # the total stays what the common sample says or, where it saw none, what the focused one does
            counted = found * (counted.sum() or all_of_them) / max(float(found.sum()), 1.0)
        levels.append(counted)
    distinct, mask_of = np.unique(masks(vectors), return_inverse=True)
    pairs_of_mask = np.asarray(np.bincount(mask_of, drawn * weight, len(distinct)), dtype=np.float64)
    return Strangers(np.concatenate(levels), distinct, pairs_of_mask)


def expected(con: Connection) -> tuple[Floats, Floats]:
    """What frequencies tell of every level of every comparison in order, 0 where they tell nothing.

    Returns:
        how many pairs of strangers chance brings at least; how many pairs there are at least, strangers or not.
    """
    known = {(name, code): (strangers or 0.0, everybody or 0.0) for name, code, strangers, everybody in rows(con, text("chance"))}
    levels = [(c.name, code) for c in comparisons() for code in range(1, len(c.levels) + 1)]
    found = np.array([known.get(level, (0.0, 0.0)) for level in levels], dtype=np.float64)
    return found[:, 0], found[:, 1]


def _levels(comparison: Comparison, vectors: Ints, times: Floats) -> Floats:
    return np.asarray(np.bincount(comparison.level(vectors), times, len(comparison.levels) + 1)[1:], dtype=np.float64)


def _draw(con: Connection, pairs: int, where: str) -> tuple[Ints, Floats, float]:
    """Patterns of random pairs, how often each was drawn, and how many pairs there are in all that are no candidates.

    Nodes are put in the order of a hash of their key, so that the same records give the same sample; each of the first is paired
    with those that follow it there.
    """
    count = "count(*) FILTER (WHERE kind = ?)"
    among = f"FROM id_node WHERE NOT is_test AND {where}"
    [(n, persons, companies)] = rows(con, f"SELECT count(*), {count}, {count} {among}", PERSON, COMPANY)
    found = con.execute(f"SELECT node_id, kind {among} ORDER BY hash(node_key), node_key LIMIT ?", [pairs]).fetchnumpy()
    nodes, kinds = np.asarray(found["node_id"], dtype=np.int64), np.asarray(found["kind"], dtype=np.int64)
    drawn_from = len(nodes)
    steps = np.arange(1, 1 + min(max(pairs // max(drawn_from, 1), 1), drawn_from // 2))
    first = np.repeat(np.arange(drawn_from), len(steps))
    second = (np.arange(drawn_from)[:, None] + steps[None, :]).ravel() % max(drawn_from, 1)
    comparable = (kinds[first] | kinds[second]) != (PERSON | COMPANY)
    first, second = nodes[first[comparable]], nodes[second[comparable]]
    table(con, "id_drawn", l=np.minimum(first, second), r=np.maximum(first, second))
    con.execute("CREATE OR REPLACE TEMP TABLE id_stranger AS SELECT DISTINCT l, r FROM id_drawn ANTI JOIN id_pair USING (l, r)")
    run(con, "compare", {"pairs": "id_stranger", "compared": "id_strangers"})
    vectors, drawn = patterns(con, "id_strangers")
    all_pairs = n * (n - 1) / 2 - persons * companies
    share = drawn.sum() / max(len(first), 1)
    con.execute("DROP TABLE id_drawn; DROP TABLE id_stranger; DROP TABLE id_strangers")
    return vectors, drawn, all_pairs * share
