"""Evidence that two records are two customers whatever else is alike: other values of an identifier that is declared unique per
customer (``identity.unique``), and other generations of a name (Sr and Jr).

Nothing else contradicts. A steward's must-link says that two values are one customer's after all. A join that a contradiction
forbids is a question of its own kind, which names what contradicts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from hub.identity.clustering import components
from hub.identity.comparisons import Floats, Ints
from hub.identity.graph import Pairs
from hub.identity.settings import Identifier
from hub.identity.sql import Connection, text

# the value of a node
_VALUE: dict[Identifier, str] = {
    "tax_id": "tax",
    "birth_date": "birth::VARCHAR",
    "email": "CASE WHEN NOT is_role THEN email END",
    "phone": "phone",
}
GENERATION = "generation"
# a son named after his father is Jr to some and II to others
_GENERATION = "CASE suffix WHEN 'ii' THEN 'jr' ELSE suffix END"


class Contradiction(NamedTuple):
    """Two nodes that are two customers, and the identifier of which they have two values."""

    left: int
    right: int
    identifier: str


def contradictory(
    con: Connection, unique: Iterable[Identifier], ids: Ints, left: Ints, right: Ints, weight: Floats, must: Pairs
) -> list[Contradiction]:
    """Pairs of nodes that contradict each other, where linkage could bring them together; nodes by their places in ``ids``.

    A pair that contradicts itself in several identifiers is there once for each.

    Args:
        unique: identifiers of which a customer has one.
        ids: the node_id of every node of id_node, ascending.
        left, right, weight: compared pairs; a pair links where its weight is positive.
        must: pairs that a steward made one; among what they are linked with, the values they hold do not contradict each other.
    """
    linking = weight > 0
    ends = np.array(must, dtype=np.int64).reshape(-1, 2)
    left, right = np.concatenate([left[linking], ends[:, 0]]), np.concatenate([right[linking], ends[:, 1]])
    found: list[Contradiction] = []
    for identifier, value in _values_of(unique):
        nodes, values = _values(con, value, ids)
        if values.max(initial=0) == 0:
            continue
        component = components(len(ids), left, right)
        # a value by itself in each component, so that a decision holds where it was made
        values = np.unique(np.stack([component[nodes], values]), axis=1, return_inverse=True)[1].reshape(-1)
        differing = _differing(nodes, _united(nodes, values, ends, len(ids)), component[nodes])
        found += (Contradiction(a, b, identifier) for a, b in differing)
    return sorted(found)


def between(con: Connection, schema: str, unique: Iterable[Identifier], customer_l: str, customer_r: str) -> tuple[str, ...]:
    """Of what two customers of a published load contradict each other in: both have values of it, and none in common.

    Args:
        schema: where match_key, customer_xref and blocked_value are.
        unique: identifiers of which a customer has one.
    """
    found = []
    for identifier, value in _values_of(unique):
        query = text("contradiction").replace("{schema}", schema).replace("{value}", value)
        named = {"id_type": identifier, "left": customer_l, "right": customer_r}
        if con.execute(query, named).fetchall() == [(True,)]:
            found.append(identifier)
    return tuple(found)


def _values_of(unique: Iterable[Identifier]) -> list[tuple[str, str]]:
    """What contradicts, with the expression of its value in columns of id_node and match_key."""
    return [(GENERATION, _GENERATION), *((identifier, _VALUE[identifier]) for identifier in dict.fromkeys(unique))]


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
