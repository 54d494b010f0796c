"""Evidence that two records are two customers whatever else is alike: other values of an identifier that is declared unique per
customer (``identity.unique``), and other generations of a name (Sr and Jr).

Nothing else contradicts. A steward's must-link says that two values are one customer's after all. The join that a contradiction
forbids is shown to the steward as any refused join.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hub.identity.clustering import components
from hub.identity.comparisons import Floats, Ints
from hub.identity.graph import Pairs
from hub.identity.settings import Identifier
from hub.identity.sql import Connection

# the value of a node
_VALUE: dict[Identifier, str] = {
    "tax_id": "tax",
    "birth_date": "birth::VARCHAR",
    "email": "CASE WHEN NOT is_role THEN email END",
    "phone": "phone",
}
# a son named after his father is Jr to some and II to others
_GENERATION = "CASE suffix WHEN 'ii' THEN 'jr' ELSE suffix END"


def contradictory(
    con: Connection, unique: Iterable[Identifier], ids: Ints, left: Ints, right: Ints, weight: Floats, must: Pairs
) -> Pairs:
    """Pairs of nodes that contradict each other, where linkage could bring them together; nodes by their places in ``ids``.

    Args:
        unique: identifiers of which a customer has one.
        ids: the node_id of every node of id_node, ascending.
        left, right, weight: compared pairs; a pair links where its weight is positive.
        must: pairs that a steward made one; among what they are linked with, the values they hold do not contradict each other.
    """
    linking = weight > 0
    ends = np.array(must, dtype=np.int64).reshape(-1, 2)
    left, right = np.concatenate([left[linking], ends[:, 0]]), np.concatenate([right[linking], ends[:, 1]])
    found: set[tuple[int, int]] = set()
    for value in (_GENERATION, *(_VALUE[identifier] for identifier in unique)):
        nodes, values = _values(con, value, ids)
        if values.max(initial=0) == 0:
            continue
        component = components(len(ids), left, right)
        # a value by itself in each component, so that a decision holds where it was made
        values = np.unique(np.stack([component[nodes], values]), axis=1, return_inverse=True)[1].reshape(-1)
        found.update(_differing(nodes, _united(nodes, values, ends, len(ids)), component[nodes]))
    return sorted(found)


def _values(con: Connection, value: str, ids: Ints) -> tuple[Ints, Ints]:
    """The nodes that have a value, and for each a number that stands for it."""
    query = f"""
        SELECT node_id, dense_rank() OVER (ORDER BY value) - 1 AS code
        FROM (SELECT node_id, {value} AS value FROM id_node) WHERE value IS NOT NULL ORDER BY node_id"""
    found = con.execute(query).fetchnumpy()
    return np.searchsorted(ids, found["node_id"]), np.asarray(found["code"], dtype=np.int64)


def _united(nodes: Ints, values: Ints, must: Ints, size: int) -> Ints:
    """Values anew numbered: those that must-links bring together are one."""
    left, right = np.concatenate([nodes, must[:, 0]]), np.concatenate([size + values, must[:, 1]])
    return components(size + int(values.max()) + 1, left, right)[size + values]


def _differing(nodes: Ints, values: Ints, component: Ints) -> Pairs:
    """All pairs of nodes of one component whose values differ."""
    order = np.lexsort((values, component))
    nodes, values, component = nodes[order], values[order], component[order]
    starts = np.flatnonzero(np.diff(component, prepend=-1))
    pairs: Pairs = []
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(nodes)], strict=True):
        if values[start] == values[end - 1]:
            continue
        a, b = np.triu_indices(end - start, 1)
        differ = values[start + a] != values[start + b]
        ends = np.sort(np.stack([nodes[start + a[differ]], nodes[start + b[differ]]], axis=1), axis=1)
        pairs += [(low, high) for low, high in ends.tolist()]
    return pairs
