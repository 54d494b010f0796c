"""From staging to clusters: nodes, candidate pairs, model, weights, guarded clusters. IDs are the affair of ``registry``.

Works on temporary tables whose names begin with ``id_``; each step says what it makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise

import numpy as np
import pyarrow as pa

from hub.identity.blocking import block
from hub.identity.clustering import Clustering, cluster, components
from hub.identity.comparisons import Floats, Ints, name_only
from hub.identity.decisions import Decisions
from hub.identity.gate import objections
from hub.identity.model import Model, default_model, load_model
from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, one, patterns, rows, run, table
from hub.identity.strangers import sample_strangers
from hub.identity.training import Evidence, train

NAME_BANDS = 7  # of enrich.sql


@dataclass(frozen=True)
class Linked:
    """What linkage found; the tables id_cluster, id_compared, id_weight and id_refused hold the rest.

    Attributes:
        largest: nodes of the largest cluster.
    """

    model: Model
    records: int
    candidate_pairs: int
    largest: int


def make_nodes(con: Connection, settings: IdentitySettings, decisions: Decisions) -> int:
    """Makes id_record and id_node_record; yields the number of live records."""
    apart = sorted({key for pair in decisions.apart for key in pair})
    table(con, "id_apart", record_key=pa.array(apart, pa.string()))
    table(con, "id_never", value=pa.array(settings.blocked_values, pa.string()))
    run(con, "nodes", max_block_size=settings.max_block_size)
    return int(one(con, "SELECT count(*) FROM id_record"))


def frozen_model(con: Connection, live: str | None, records: int, retrain: bool) -> Model | None:
    """The live model, if it may be used as it is: not when asked to retrain, nor when records have doubled since it was made."""
    if live is None or retrain:
        return None
    model = load_model(con, live)
    return model if model is not None and records < 2 * max(model.trained_records, 1) else None


def link(
    con: Connection, settings: IdentitySettings, decisions: Decisions, *, now: datetime, live: str | None, retrain: bool
) -> Linked:
    """Runs the whole of linkage over staging.party_record."""
    records = make_nodes(con, settings, decisions)
    model = frozen_model(con, live, records, retrain)
    if model is None:
        run(con, "frequency")
    else:
        con.execute(f"CREATE OR REPLACE TEMP TABLE id_term AS SELECT term_type, term, records FROM {live}.term_frequency")
    given_forms(con)
    run(con, "enrich")
    pairs = block(con, settings)
    run(con, "compare", {"pairs": "id_pair", "compared": "id_compared"})
    if model is None:
        model = _new_model(con, settings, now, records, pairs)
    weigh(con, model, settings)
    return Linked(model, records, pairs, _cluster(con, settings, decisions))


def weigh(con: Connection, model: Model, settings: IdentitySettings) -> None:
    """Makes id_weight (vector, odds, weight, probability): odds is the model's match weight, weight is positive where it links."""
    vectors, _ = patterns(con, "id_compared")
    odds = model.weights(vectors)
    needed = np.log2(settings.match_threshold / (1 - settings.match_threshold)) + settings.name_only_margin * name_only(vectors)
    probability = np.exp2(np.minimum(odds, 0.0)) / (1 + np.exp2(-np.abs(odds)))
    table(con, "id_weight", vector=vectors, odds=odds, weight=odds - needed, probability=probability)


def _new_model(con: Connection, settings: IdentitySettings, now: datetime, records: int, pairs: int) -> Model:
    notes: dict[str, object] = {"candidate_pairs": pairs}
    if pairs < settings.min_training_pairs:
        return default_model(now, records, {**notes, "why_default": f"fewer than {settings.min_training_pairs} candidate pairs"})
    model = train(_evidence(con, settings), now, records, notes)
    why = objections(model)
    if not why:
        weigh(con, model, settings)
        why = _giant(con, settings)
    return default_model(now, records, {**notes, "why_default": "; ".join(why)}) if why else model


def _evidence(con: Connection, settings: IdentitySettings) -> Evidence:
    """Patterns of the candidates, what strangers look like, and how many namesakes chance brings."""
    query = "SELECT name_band, sum(namesakes) / 2 FROM id_node WHERE given || family IS NOT NULL GROUP BY name_band"
    per_band: dict[int, float] = dict(rows(con, query))
    namesakes = np.array([float(per_band.get(band, 0.0)) for band in range(NAME_BANDS)])
    vectors, counts = patterns(con, "id_compared")
    return Evidence(vectors, counts, sample_strangers(con, settings.sample_pairs), namesakes)


def _giant(con: Connection, settings: IdentitySettings) -> list[str]:
    """An objection to a model under which one component holds most of the records, beyond what a cluster may be."""
    left, right, _ = _edges(con, "weight > 0")
    nodes = int(one(con, "SELECT coalesce(max(node_id), 0) + 1 FROM id_node"))
    largest = int(np.bincount(components(nodes, left, right)).max())
    share = largest / max(int(one(con, "SELECT count(*) FROM id_node")), 1)
    if largest > settings.max_cluster_size and share > settings.max_component_share:
        return [f"one component holds {share:.0%} of all records"]
    return []


def _edges(con: Connection, where: str) -> tuple[Ints, Ints, Floats]:
    query = f"SELECT l, r, weight FROM id_compared JOIN id_weight USING (vector) WHERE {where}"
    found = con.execute(query).fetchnumpy()
    return (
        np.asarray(found["l"], dtype=np.int64),
        np.asarray(found["r"], dtype=np.int64),
        np.asarray(found["weight"], dtype=np.float64),
    )


def _cluster(con: Connection, settings: IdentitySettings, decisions: Decisions) -> int:
    """Makes id_cluster (node_id, cluster) and id_refused (l, r, kind); yields the size of the largest cluster in nodes."""
    size = int(one(con, "SELECT coalesce(max(node_id), 0) + 1 FROM id_node"))
    kinds = np.full(size, 4, dtype=np.int64)
    found = con.execute("SELECT node_id, kind FROM id_node ORDER BY node_id").fetchnumpy()
    nodes = np.asarray(found["node_id"], dtype=np.int64)
    kinds[nodes] = found["kind"]
    left, right, weight = _edges(con, "true")
    must, cannot = _decided(con, decisions)
    outcome = cluster(kinds, left, right, weight, must, cannot, max_size=settings.max_cluster_size)
    table(con, "id_cluster", node_id=nodes, cluster=outcome.cluster[nodes])
    _keep_refused(con, left, right, outcome)
    return int(np.bincount(outcome.cluster[nodes]).max(initial=0)) if len(nodes) else 0


def _keep_refused(con: Connection, left: Ints, right: Ints, outcome: Clustering) -> None:
    edges = np.array(outcome.refused + outcome.oversized, dtype=np.int64)
    kind = ["refused_join"] * len(outcome.refused) + ["oversized_cluster"] * len(outcome.oversized)
    table(con, "id_refused", l=left[edges], r=right[edges], kind=pa.array(kind, pa.string()))


def _decided(con: Connection, decisions: Decisions) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Decisions on records as decisions on nodes; those on records that are gone fall away, what they join stays joined."""
    table(con, "id_decided", record_key=pa.array(sorted(decisions.records), pa.string()))
    query = "SELECT record_key, node_id FROM id_decided JOIN id_record USING (record_key) JOIN id_node_record USING (rid)"
    node: dict[str, int] = dict(rows(con, query))
    must = []
    for group in decisions.together:
        alive = sorted({node[key] for key in group if key in node})
        must += list(pairwise(alive))
    cannot = [(node[a], node[b]) for a, b in decisions.apart if a in node and b in node]
    return must, cannot


@cache
def _forms() -> tuple[list[str], list[list[str]]]:
    """Each name with the full names it may stand for, from the library ``nicknames``."""
    from nicknames import name_triplets

    forms: dict[str, set[str]] = {}
    for triplet in name_triplets():
        forms.setdefault(triplet.name2, set()).add(triplet.name1)
        forms.setdefault(triplet.name1, set()).add(triplet.name1)
    return list(forms), [sorted(f) for f in forms.values()]


def given_forms(con: Connection) -> None:
    """Makes id_given_form: each given name with the full names it may stand for."""
    names, forms = _forms()
    table(con, "id_form", name=pa.array(names, pa.string()), forms=pa.array(forms, pa.list_(pa.string())))
    # bits: a fast first answer to "do two names have a form in common?"
    bits = "list_reduce(list_transform(forms, lambda f: 1::UBIGINT << (hash(f) % 64)::INT), lambda a, b: a | b)"
    con.execute(f"CREATE OR REPLACE TEMP TABLE id_given_form AS SELECT name, forms, {bits} AS bits FROM id_form")
