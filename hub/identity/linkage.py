"""From staging to clusters: nodes, candidate pairs, model, weights, guarded clusters. IDs are the affair of ``registry``.

Works on temporary tables whose names begin with ``id_``; each step says what it makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

import pyarrow as pa

from hub.identity import state
from hub.identity.decisions import Decisions
from hub.identity.delta import changes, link_changes
from hub.identity.engine import Engine, engine_of
from hub.identity.gate import objections
from hub.identity.grouping import largest_component, make_clusters
from hub.identity.labels import known_pairs
from hub.identity.model import Model, default_model, load_model
from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, forget, one, patterns, run, table
from hub.identity.strangers import expected, sample_strangers
from hub.identity.training import train
from hub.identity.training_data import Evidence
from hub.identity.weighing import weigh


@dataclass(frozen=True)
class Linked:
    """What linkage found; the tables id_cluster, id_compared, id_weight and id_refused hold the rest.

    Attributes:
        candidate_pairs: pairs compared in this run.
        partial: the tables hold only what changes can have reached.
    """

    model: Model
    records: int
    candidate_pairs: int
    partial: bool = False


def make_nodes(con: Connection, settings: IdentitySettings, decisions: Decisions) -> int:
    """Makes id_record and id_node_record; yields the number of live records."""
    prepare(con, settings, decisions)
    run(con, "keyed", {"among": "staging.party_record"})
    for step in ("every_record", "records", "streams", "crowded", "nodes", "busy"):
        run(con, step, max_block_size=settings.max_block_size)
    run(con, "communal", {"among": "id_record"})
    return live_records(con)


def prepare(con: Connection, settings: IdentitySettings, decisions: Decisions) -> None:
    """Makes what match keys and nodes depend on beside the records."""
    table(con, "id_apart", record_key=pa.array(sorted(decisions.parted), pa.string()))
    table(con, "id_never", value=pa.array(settings.blocked_values, pa.string()))
    run(con, "keys")


def live_records(con: Connection) -> int:
    """Records that are not deleted."""
    return int(one(con, "SELECT count(*) FROM staging.party_record WHERE NOT is_deleted"))


def frozen_model(con: Connection, live: str | None, retrain: bool) -> Model | None:
    """The live model, if it may be used as it is: not when asked to retrain, nor when records have doubled since it was made."""
    if live is None or retrain:
        return None
    model = load_model(con, live)
    return model if model is not None and live_records(con) < 2 * max(model.trained_records, 1) else None


def link(
    con: Connection,
    settings: IdentitySettings,
    decisions: Decisions,
    *,
    now: datetime,
    live: str | None,
    model: Model | None,
    aside: bool = False,
) -> Linked:
    """Runs the whole of linkage over staging.party_record, and learns a model if none is given.

    Args:
        aside: keep the state of the live load beside that of this one, should this one be held.
    """
    state.begin(con, live, settings, aside=aside)
    records = make_nodes(con, settings, decisions)
    if model is None:
        run(con, "frequency")
    else:
        run(con, "frozen_terms", {"live": str(live)})
    given_forms(con)
    run(con, "enrich")
    with engine_of(settings) as engine:
        pairs = engine.compare(con, settings)
        if model is None:
            model = _new_model(con, settings, decisions, now, records, pairs, engine)
        forget(con, "id_pair")
        _score(con, model, settings, engine)
    make_clusters(con, settings, decisions)
    return Linked(model, records, pairs)


def relink(con: Connection, settings: IdentitySettings, decisions: Decisions, *, live: str, model: Model) -> Linked | None:
    """The same for what has changed since the state that there is was made; None, and nothing done, if much has."""
    prepare(con, settings, decisions)
    if not changes(con, decisions):
        return None
    state.resume(con, live)
    given_forms(con)
    compared = link_changes(con, settings, decisions, model, live)
    return Linked(model, live_records(con), compared, partial=True)


def _score(con: Connection, model: Model, settings: IdentitySettings, engine: Engine) -> None:
    weigh(con, model, settings)
    engine.link(con)


def _new_model(
    con: Connection,
    settings: IdentitySettings,
    decisions: Decisions,
    now: datetime,
    records: int,
    pairs: int,
    engine: Engine,
) -> Model:
    notes: dict[str, object] = {"candidate_pairs": pairs}
    if pairs < settings.min_training_pairs:
        return default_model(now, records, {**notes, "why_default": f"fewer than {settings.min_training_pairs} candidate pairs"})
    labels = known_pairs(con, decisions, settings.label_weight)
    model = train(_evidence(con, settings), now, records, {**notes, "labels": len(labels.patterns)}, labels)
    why = objections(model)
    if not why:
        _score(con, model, settings, engine)
        why = _giant(con, settings)
    return default_model(now, records, {**notes, "why_default": "; ".join(why)}) if why else model


def _evidence(con: Connection, settings: IdentitySettings) -> Evidence:
    """Patterns of the candidates, what strangers look like, and what chance brings at least."""
    vectors, counts = patterns(con, "id_compared")
    return Evidence(vectors, counts, sample_strangers(con, settings.sample_pairs), *expected(con))


def _giant(con: Connection, settings: IdentitySettings) -> list[str]:
    """An objection to a model under which one component holds most of the records, beyond what a cluster may be."""
    largest, nodes = largest_component(con)
    share = largest / max(nodes, 1)
    if largest > settings.max_cluster_size and share > settings.max_component_share:
        return [f"one component holds {share:.0%} of all records"]
    return []


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
    """Makes id_given_form: each given name with the full names it may stand for; and the macros of ``keys``."""
    run(con, "keys")
    names, forms = _forms()
    table(con, "id_form", name=pa.array(names, pa.string()), forms=pa.array(forms, pa.list_(pa.string())))
    run(con, "given_forms")
