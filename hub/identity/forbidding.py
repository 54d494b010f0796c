"""Pairs of a published load compared anew, and which of those across two customers keep them two whatever the others weigh.

Two records may weigh well together and still be two customers: a third record is forbidden to be one with either (``doubts``). No
values leave here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hub.identity.blocking import rules_of
from hub.identity.comparisons import Ints
from hub.identity.doubts import doubts, forbidden
from hub.identity.linkage import given_forms
from hub.identity.model import Model
from hub.identity.sql import Connection, drop_temporary, rows, run, table

MOST_SHOWN = 3


@dataclass(frozen=True)
class Forbidden:
    """Two records that are never one customer, and the rule that forbids it, in words without values."""

    record_key_l: str
    record_key_r: str
    because: str


def compare_anew(con: Connection, schema: str, left: Sequence[str], right: Sequence[str]) -> tuple[Ints, Ints]:
    """Compares every record of one side with every one of the other, as the linkage did or would have.

    Leaves its temporary tables, id_record and id_node among them, with one node a record.

    Args:
        schema: where match_key, term_frequency and blocked_value are.
        left, right: record keys; none is on both sides.

    Returns:
        the pairs' IDs in id_node, one row a pair, and their vectors; in the order of record keys.
    """
    sides = [0] * len(left) + [1] * len(right)
    table(con, "id_explained", record_key=pa.array([*left, *right], pa.string()), side=pa.array(sides, pa.int32()))
    run(con, "explanation", {"schema": schema})
    run(con, "communal", {"among": "id_holding"})
    given_forms(con)
    run(con, "enrich")
    run(con, "compare", {"pairs": "id_pair", "compared": "id_compared"})
    found = con.execute("SELECT l, r, vector FROM id_compared ORDER BY l, r").fetchnumpy()
    return np.stack([found["l"], found["r"]], axis=1).astype(np.int64), np.asarray(found["vector"], dtype=np.int64)


def forbidden_across(con: Connection, schema: str, model: Model, customer_l: str, customer_r: str) -> tuple[Forbidden, ...]:
    """The first pairs of records that keep two customers apart, ``MOST_SHOWN`` at most: forbidden, and brought together by a rule.

    Args:
        schema: where customer_xref is, beside what ``compare_anew`` needs.
    """
    of = "SELECT node_key FROM {0}.match_key JOIN {0}.customer_xref USING (record_key) WHERE is_current AND customer_id = ?"
    # records of one node have equal keys, so one of them speaks for all
    nodes = [sorted({key for (key,) in rows(con, of.format(schema), customer)}) for customer in (customer_l, customer_r)]
    ends, vectors = compare_anew(con, schema, *nodes)
    keys: dict[int, str] = dict(rows(con, "SELECT node_id, node_key FROM id_node"))
    found: list[Forbidden] = []
    for place in np.flatnonzero(forbidden(model, vectors)).tolist():
        one, other = ends[place].tolist()
        if len(found) < MOST_SHOWN and rules_of(con, one, other):
            (rule, *_) = (doubt for doubt in doubts(model, vectors[place : place + 1]) if doubt.forbids)
            found.append(Forbidden(keys[one], keys[other], rule.because))
    drop_temporary(con)
    return tuple(found)
