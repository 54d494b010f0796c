"""Linkage of what changed: the state of the live load is brought up to date, and only what changes can reach is looked at.

A record that is new, gone or different changes its node; a node that looks different changes its blocking keys and is compared
anew with all that share one; a key or an identifier that crosses its cap, or comes to be that of a house or a chain or no longer is
(communal.sql), touches all that hold it; and a component that any of it touches is clustered anew as a whole. What is not reached
is as a full run would have it already, because the model and the frequencies of terms are frozen and everything else is local.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from hub.identity import state
from hub.identity.blocking import most_nodes, rules
from hub.identity.comparisons import Ints
from hub.identity.decisions import Decisions
from hub.identity.grouping import make_clusters
from hub.identity.model import Model
from hub.identity.review import ask, size_customers
from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, forget, one, rows, run, table
from hub.identity.weighing import link, weigh

# Beyond this share of all records a full run is no slower; below so many records it does not matter.
MOST_CHANGED, ALWAYS = 0.2, 1_000
_STEP = 1 << 12  # between the places of new records, so that there is room after the last of them
_OPEN = 1 << 40  # room before the first record and after the last


def changes(con: Connection, decisions: Decisions) -> bool:
    """Makes id_changed, id_anew, id_place and id_key; False if a full run is the better way. Changes nothing that lasts."""
    run(con, "keyed", {"among": "staging.party_record"})
    run(con, "changes")
    table(con, "id_anew", record_key=pa.array(sorted(_decided_anew(con, decisions)), pa.string()))
    records, changed = one(con, "SELECT count(*) FROM linkage.record"), one(con, "SELECT count(*) FROM id_changed")
    same_streams = one(con, _SAME_STREAMS)
    return bool(same_streams and changed <= max(MOST_CHANGED * records, ALWAYS) and _place(con))


# a stream's bit depends on what other streams there are
_SAME_STREAMS = """
    WITH now AS (SELECT DISTINCT source_system, stream FROM staging.party_record WHERE NOT is_deleted),
    was AS (SELECT source_system, stream FROM linkage.stream)
    SELECT count(*) = 0 FROM ((FROM now EXCEPT FROM was) UNION ALL (FROM was EXCEPT FROM now))"""


def _decided_anew(con: Connection, decisions: Decisions) -> set[str]:
    """Records of which a decision says something else than when the state was made, or says it of other records."""
    named = decisions.records
    changed = {key for (key,) in rows(con, "SELECT record_key FROM id_changed WHERE list_contains(?, record_key)", sorted(named))}
    groups = (*decisions.together, *decisions.apart)
    return state.decided_anew(con, decisions) | {key for group in groups if not changed.isdisjoint(group) for key in group}


def _place(con: Connection) -> bool:
    """Makes id_place (record_key, rid): new records get IDs in the order of keys; False if there is no room for one."""
    before = """
        SELECT n.record_key, coalesce(o.rid, (SELECT min(rid) FROM linkage.record) - $open, 0) AS rid
        FROM (SELECT record_key FROM id_changed WHERE rid IS NULL) AS n
        ASOF LEFT JOIN linkage.record AS o ON n.record_key >= o.record_key ORDER BY n.record_key"""
    new = con.execute(before, {"open": _OPEN}).fetchnumpy()
    taken = np.sort(np.asarray(con.execute("SELECT rid FROM linkage.record").fetchnumpy()["rid"], dtype=np.int64))
    places = places_between(np.asarray(new["rid"], dtype=np.int64), taken)
    table(con, "id_place", record_key=pa.array(new["record_key"], pa.string()), rid=places)
    run(con, "placed")
    return bool((np.diff(places) > 0).all() and not np.isin(places, taken).any())


def places_between(before: Ints, taken: Ints) -> Ints:
    """Places for new records, in order, each after ``before`` and below the next one taken; where there is no room, equal to it.

    Args:
        before: for each new record in order, the place taken before it.
        taken: all places taken, ascending.
    """
    following = np.append(taken, (taken[-1] if len(taken) else 0) + _OPEN)
    after = following[np.searchsorted(taken, before, side="right")]
    starts = np.flatnonzero(np.diff(before, prepend=before[:1] - 1))
    many = np.diff(starts, append=len(before))
    nth = np.arange(len(before)) - np.repeat(starts, many) + 1
    step = np.minimum((after - before) // (np.repeat(many, many) + 1), _STEP)
    return np.asarray(before + nth * step)


def link_changes(con: Connection, settings: IdentitySettings, decisions: Decisions, model: Model, live: str) -> int:
    """Brings the state up to date; yields the pairs compared. ``changes`` comes before, id_given_form and id_apart as well.

    Leaves the tables of a full run, but of what was reached only: id_record, id_node_record, id_compared, id_weight, id_cluster.
    """
    _renew_nodes(con, settings, live)
    compared = _renew_pairs(con, settings)
    forget(con, "id_compared")
    con.execute("CREATE TEMP VIEW id_compared AS FROM linkage.pair")
    weigh(con, model, settings)
    run(con, "reach")
    forget(con, "id_compared")
    run(con, "reached")
    run(con, "records")
    link(con)
    make_clusters(con, settings, decisions)
    size_customers(con)
    run(con, "regrouped")
    return compared


def _renew_nodes(con: Connection, settings: IdentitySettings, live: str) -> None:
    """Makes id_node of all nodes that are new or may look different."""
    run(con, "keyed", {"among": "(FROM staging.party_record SEMI JOIN id_key USING (record_key))"})
    run(con, "records")
    run(con, "changed_records", max_block_size=settings.max_block_size)
    run(con, "communal", {"among": "id_holding"})
    run(con, "changed_communal")
    run(con, "records")
    run(con, "still_crowded")
    run(con, "nodes")
    run(con, "changed_nodes", max_block_size=settings.max_block_size)
    run(con, "records")
    run(con, "terms_at_hand", {"live": live})
    run(con, "still_communal")
    con.execute("CREATE OR REPLACE TEMP TABLE id_stream AS FROM linkage.stream")
    run(con, "enrich")


def _renew_pairs(con: Connection, settings: IdentitySettings) -> int:
    """Compares what has to be compared anew: makes id_added and id_lost."""
    keys = " UNION ALL ".join(rule.hashed() for rule in rules())
    con.execute(f"CREATE OR REPLACE TEMP TABLE id_block AS {keys}")
    table(con, "id_most", rule=[rule.number for rule in rules()], nodes=[most_nodes(con, rule, settings) for rule in rules()])
    run(con, "changed_keys")
    run(con, "moved_keys")
    run(con, "changed_pairs")
    if one(con, "SELECT count(*) FROM id_lost"):
        run(con, "still_paired")
    run(con, "paired_nodes")
    run(con, "distinct_pairs")
    run(con, "compare", {"pairs": "id_pair", "compared": "id_added"})
    run(con, "repaired")
    return int(one(con, "SELECT count(*) FROM id_added"))


def whole(con: Connection) -> None:
    """Shows all records again under the names of a full run's tables, for what looks at the whole."""
    forget(con, "id_compared", "id_node", "id_cluster", "id_refused", "id_customer", "id_record", "id_node_record", "id_member")
    run(con, "whole")


def ask_anew(con: Connection, settings: IdentitySettings, decisions: Decisions) -> None:
    """Brings the questions of the state up to date, once ``whole`` shows all records: makes id_question."""
    ask(con, settings, decisions, "id_stirred_pair")
    run(con, "requestioned")
