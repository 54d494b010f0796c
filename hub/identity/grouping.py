"""From weighed pairs to clusters: reads id_node, id_compared, id_weight, id_link, asks ``clustering``, makes tables of the answer.

Node IDs are any numbers here; ``clustering`` sees their places in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from hub.identity.clustering import Clustering, cluster, components
from hub.identity.comparisons import Floats, Ints
from hub.identity.contradictions import Contradiction, contradictory
from hub.identity.decisions import Decisions
from hub.identity.graph import Pairs
from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, rows, run, table


@dataclass(frozen=True)
class _Nodes:
    """The nodes of id_node in order, and their kinds."""

    ids: Ints
    kinds: Ints

    def places(self, ids: object) -> Ints:
        """Where these nodes stand in order; takes a column of whole numbers."""
        return np.asarray(np.searchsorted(self.ids, np.asarray(ids, dtype=np.int64)), dtype=np.int64)


def make_clusters(con: Connection, settings: IdentitySettings, decisions: Decisions) -> None:
    """Makes id_cluster (node_id, cluster, component), each named by its least node, and id_refused (l, r, kind, identifier).

    identifier: what contradicts, where that is why a join was refused.
    """
    nodes = _nodes(con)
    must, cannot = _decided(con, decisions, nodes)
    left, right, weight = _edges_within(con, nodes, must)
    contradictions = contradictory(con, settings.unique, nodes.ids, left, right, weight, must)
    cannot += sorted({(c.left, c.right) for c in contradictions})
    outcome = cluster(nodes.kinds, left, right, weight, must, cannot, max_size=settings.max_cluster_size)
    table(con, "id_cluster", node_id=nodes.ids, cluster=nodes.ids[outcome.cluster], component=nodes.ids[outcome.component])
    _keep_refused(con, nodes.ids, left, right, outcome, contradictions)


def largest_component(con: Connection) -> tuple[int, int]:
    """Nodes of the largest component of linking pairs, and nodes in all."""
    nodes = _nodes(con)
    left, right, _ = _links(con, nodes)
    return int(np.bincount(components(len(nodes.ids), left, right)).max(initial=0)), len(nodes.ids)


def _nodes(con: Connection) -> _Nodes:
    found = con.execute("SELECT node_id, kind FROM id_node ORDER BY node_id").fetchnumpy()
    return _Nodes(np.asarray(found["node_id"], dtype=np.int64), np.asarray(found["kind"], dtype=np.int64))


def _links(con: Connection, nodes: _Nodes) -> tuple[Ints, Ints, Floats]:
    found = con.execute("SELECT l, r, weight FROM id_link").fetchnumpy()
    return nodes.places(found["l"]), nodes.places(found["r"]), np.asarray(found["weight"], dtype=np.float64)


def _edges_within(con: Connection, nodes: _Nodes, must: Pairs) -> tuple[Ints, Ints, Floats]:
    """The pairs that link, and the others within components: a pair across two components has no say."""
    left, right, weight = _links(con, nodes)
    ends = np.array(must, dtype=np.int64).reshape(-1, 2)
    component = components(len(nodes.ids), np.concatenate([left, ends[:, 0]]), np.concatenate([right, ends[:, 1]]))
    several = np.bincount(component, minlength=1)[component] > 2
    table(con, "id_component", node_id=nodes.ids[several], component=component[several])
    run(con, "within")
    more = con.execute("SELECT l, r, weight FROM id_within").fetchnumpy()
    con.execute("DROP TABLE id_component; DROP TABLE id_within")
    return (
        np.concatenate([left, nodes.places(more["l"])]),
        np.concatenate([right, nodes.places(more["r"])]),
        np.concatenate([weight, np.asarray(more["weight"], dtype=np.float64)]),
    )


def _keep_refused(
    con: Connection, ids: Ints, left: Ints, right: Ints, outcome: Clustering, contradictions: Sequence[Contradiction]
) -> None:
    edges = np.array(outcome.refused + outcome.oversized, dtype=np.int64)
    left, right = left[edges], right[edges]
    # a contradiction of any two nodes keeps their whole clusters apart
    why: dict[tuple[int, int], set[str]] = {}
    for a, b, identifier in contradictions:
        why.setdefault(_ordered(outcome.cluster[a], outcome.cluster[b]), set()).add(identifier)
    ends = zip(outcome.cluster[left].tolist(), outcome.cluster[right].tolist(), strict=True)
    named = [", ".join(sorted(why.get(_ordered(a, b), ()))) or None for a, b in ends]
    kind = ["refused_join"] * len(outcome.refused) + ["oversized_cluster"] * len(outcome.oversized)
    kind = ["id_contradiction" if identifier else k for identifier, k in zip(named, kind, strict=True)]
    columns = {"kind": pa.array(kind, pa.string()), "identifier": pa.array(named, pa.string())}
    table(con, "id_refused", l=ids[left], r=ids[right], **columns)


def _ordered(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _decided(con: Connection, decisions: Decisions, nodes: _Nodes) -> tuple[Pairs, Pairs]:
    """Decisions on records as pairs of places of nodes; those on records that are gone fall away, what they join stays joined."""
    table(con, "id_decided", record_key=pa.array(sorted(decisions.records), pa.string()))
    query = "SELECT record_key, node_id FROM id_decided JOIN id_record USING (record_key) JOIN id_node_record USING (rid)"
    found = rows(con, query)
    places = nodes.places(np.array([node for _, node in found], dtype=np.int64)).tolist()
    place = dict(zip((key for key, _ in found), places, strict=True))
    must: Pairs = []
    for group in decisions.together:
        alive = sorted({place[key] for key in group if key in place})
        must += list(pairwise(alive))
    cannot = [(place[a], place[b]) for a, b in decisions.apart if a in place and b in place]
    return must, cannot
