"""The review queue: what the linkage would not decide alone, as tasks for a steward, and the values that are no evidence.

One task asks one question; the same question has the same task ID in every load. Tasks are ranked by their worth, the pairs of
records that a decision is expected to put right: how likely it is that the answer changes something, times the pairs across the two
sides. A first ranking goes by weights (``Odds``) and is kept with the state; the best of it are looked at closer (``evidence``).
Deciding is the affair of whoever shows the queue.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa

from hub.identity.clustering import UNCOMPARED, UNIT, WEIGHT_CAP
from hub.identity.comparisons import Floats, comparisons
from hub.identity.decisions import Decisions
from hub.identity.evidence import evidence, likelihood
from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, Row, rows, run, table
from hub.identity.weak_links import Odds, weak_links

CAPPED_TASKS = 20  # capped values that become tasks; all that were found are in blocked_value
# What the first ranking goes by: logistic regressions on the questions about 100,000 records of bench.people (seed 2), whose
# answers are known. They only order the queue; what a hub's own model thinks of a pair is in the weights that they are applied to
ONE_CUSTOMER = Odds(bias=3.1, link=0.44, average=0.37, size=-0.80, smaller=-1.27)
TWO_CUSTOMERS = Odds(bias=-2.6, link=-0.31, average=-0.23, size=1.03)
CONTRADICTED = 0.05  # how likely an identifier of which a customer has one is wrong, and the two are one after all
LOOKED_AT = 4  # questions of each kind, and customers, that are looked at closer for each question that is wanted
_COLUMNS = {
    "task_id": pa.string(),
    "kind": pa.string(),
    "record_key_l": pa.string(),
    "record_key_r": pa.string(),
    "match_probability": pa.float64(),
    "detail": pa.string(),
    "worth": pa.float64(),
    "records_l": pa.int64(),
    "records_r": pa.int64(),
}


def queue(con: Connection, settings: IdentitySettings, decisions: Decisions) -> None:
    """Makes id_task and id_blocked, with the columns of identity.review_task and identity.blocked_value.

    id_customer and id_question come before, of all records.
    """
    tasks = [*_between(con, settings), *_inside(con, settings, decisions), *_overruled(decisions)]
    for key, records in rows(con, "SELECT record_key, records FROM id_huge"):
        detail = f"{records} records are one customer, more than {settings.max_cluster_size}"
        tasks.append((_task_id("oversized_cluster", key), "oversized_cluster", key, None, None, detail, None, records, None))
    capped = rows(con, "SELECT id_type, value, nodes FROM id_busy ORDER BY nodes DESC, id_type, value")
    for id_type, value, nodes in capped[:CAPPED_TASKS]:
        detail = f"{id_type} {value} is shared by {nodes} different records and no longer links"
        tasks.append((_task_id("capped_value", id_type, value), "capped_value", None, None, None, detail, None, None, None))
    table(con, "id_task", **{name: pa.array([t[i] for t in tasks], type_) for i, (name, type_) in enumerate(_COLUMNS.items())})
    _blocked(con, settings, capped)


def size_customers(con: Connection) -> None:
    """Makes id_customer (cluster, nodes, records, hope) of the customers in id_cluster; id_compared holds all pairs inside them."""
    odds = TWO_CUSTOMERS
    run(
        con,
        "customers",
        weight_cap=WEIGHT_CAP,
        uncompared=UNCOMPARED,
        bias=odds.bias,
        link=odds.link,
        average=odds.average,
        size=odds.size,
    )


def ask(con: Connection, settings: IdentitySettings, decisions: Decisions, pairs: str) -> None:
    """Makes id_asked: the questions about two customers, are they one?

    Args:
        pairs: relation of compared pairs; if of any between two customers, then of all between these.
    """
    left, right = [a for a, _ in decisions.apart], [b for _, b in decisions.apart]
    table(con, "id_apart_pair", l=pa.array(left, pa.string()), r=pa.array(right, pa.string()))
    odds = ONE_CUSTOMER
    (email,) = (c for c in comparisons() if c.name == "email")
    run(
        con,
        "questions",
        {"pairs": pairs},
        email_shift=email.shift,
        email_mask=(1 << email.bits) - 1,
        review_floor=settings.review_floor,
        weight_cap=WEIGHT_CAP,
        uncompared=UNCOMPARED,
        unit=UNIT,
        bias=odds.bias,
        best=odds.link,
        average=odds.average,
        size=odds.size,
        smaller=odds.smaller,
        contradicted=CONTRADICTED,
    )


def ask_all(con: Connection, settings: IdentitySettings, decisions: Decisions) -> None:
    """Makes id_customer and id_question of all records."""
    size_customers(con)
    ask(con, settings, decisions, "id_compared")
    con.execute("CREATE OR REPLACE TEMP VIEW id_question AS FROM id_asked")


def _between(con: Connection, settings: IdentitySettings) -> list[Row]:
    """Questions about two customers: are they one?"""
    likely = likelihood("one_customer", know_between(con, settings))
    table(con, "id_worth", question=pa.array(range(len(likely)), pa.int64()), likely=likely)
    run(con, "answerable", most=settings.max_review_tasks)
    columns = "kind, identifier, record_key_l, record_key_r, match_probability, vector, worth, records_l, records_r"
    return [
        (_task_id(kind, left, right), kind, left, right, probability, _contradicted(identifier) + _said(vector), *rest)
        for kind, identifier, left, right, probability, vector, *rest in rows(con, f"SELECT {columns} FROM id_answerable")
    ]


def _contradicted(identifier: str | None) -> str:
    return f"kept apart: {identifier} contradicts; " if identifier else ""


def _inside(con: Connection, settings: IdentitySettings, decisions: Decisions) -> list[Row]:
    """Questions about one customer: are two parts that a weak link joins two?"""
    likely = likelihood("two_customers", know_inside(con, settings, decisions))
    table(con, "id_worth", question=pa.array(range(len(likely)), pa.int64()), likely=likely)
    run(con, "parting", most=settings.max_review_tasks)
    columns = "record_key_l, record_key_r, probability, vector, worth, records_l, records_r"
    return [
        (_task_id("weak_link", left, right), "weak_link", left, right, probability, _said(vector), *rest)
        for left, right, probability, vector, *rest in rows(con, f"SELECT {columns} FROM id_parting")
    ]


def know_between(con: Connection, settings: IdentitySettings) -> Floats:
    """Makes id_doubt, the best questions of id_question at first sight, and yields the evidence on each."""
    most = settings.max_review_tasks
    sizes = {"most": most, "looked_at": LOOKED_AT * most, "max_cluster_size": settings.max_cluster_size}
    run(con, "review", None, weight_cap=WEIGHT_CAP, **sizes)
    doubts = con.execute("SELECT weight, vector FROM id_doubt ORDER BY question").fetchnumpy()
    return evidence(con, np.asarray(doubts["weight"]), np.asarray(doubts["vector"], dtype=np.int64))


def know_inside(con: Connection, settings: IdentitySettings, decisions: Decisions) -> Floats:
    """Makes id_cut, the ways to part the customers that are worth most at first sight, and yields the evidence on each."""
    run(con, "weak_links", weight_cap=WEIGHT_CAP, looked_at=LOOKED_AT * settings.max_review_tasks)
    found = con.execute("SELECT cluster, l, r, weight FROM id_inside ORDER BY cluster, weight DESC, l, r").fetchnumpy()
    edges = list(zip(found["l"].tolist(), found["r"].tolist(), found["weight"].tolist(), strict=True))
    cuts = weak_links(np.asarray(found["cluster"], dtype=np.int64), edges, _held(con, decisions))
    sides = [
        (n, side, node) for n, cut in enumerate(cuts) for side, nodes in enumerate((cut.nodes_l, cut.nodes_r)) for node in nodes
    ]
    columns = ("question", "side", "node_id")
    table(con, "id_side", **{name: pa.array([s[i] for s in sides], pa.int64()) for i, name in enumerate(columns)})
    ends = {end: pa.array([getattr(cut, end) for cut in cuts], pa.int64()) for end in ("left", "right", "cluster")}
    table(con, "id_cut", question=pa.array(range(len(cuts)), pa.int64()), **ends)
    query = """SELECT vector FROM id_cut JOIN id_inside ON l = "left" AND r = "right" ORDER BY question"""
    vectors = np.asarray(con.execute(query).fetchnumpy()["vector"], dtype=np.int64)
    return evidence(con, np.array([cut.weight for cut in cuts]), vectors)


def _held(con: Connection, decisions: Decisions) -> dict[int, int]:
    """Nodes that must-links name, with a number for each group of them."""
    keys = [(key, number) for number, group in enumerate(decisions.together) for key in group]
    table(con, "id_held", record_key=pa.array([k for k, _ in keys], pa.string()), held=pa.array([n for _, n in keys], pa.int64()))
    query = (
        "SELECT node_id, min(held) FROM id_held JOIN id_record USING (record_key) JOIN id_node_record USING (rid) GROUP BY node_id"
    )
    return dict(rows(con, query))


def _overruled(decisions: Decisions) -> list[Row]:
    said = "the source merged the one into the other, a steward's decision keeps them apart"
    return [
        (_task_id("overruled_merge", a, b), "overruled_merge", a, b, None, said, None, None, None) for a, b in decisions.overruled
    ]


def _said(vector: int) -> str:
    """What the two values of each comparison are to each other."""
    levels = ((c, vector >> c.shift & (1 << c.bits) - 1) for c in comparisons())
    return "; ".join(f"{c.name}: {c.levels[level - 1]}" for c, level in levels if level)


def _task_id(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:20]


def _blocked(con: Connection, settings: IdentitySettings, capped: list[Row]) -> None:
    query = """
        SELECT count(*) FROM staging.party_record WHERE NOT is_deleted AND (email_key = ? OR phone_key = ?)"""
    found = [(id_type, value, n, "shared by too many records") for id_type, value, n in capped]
    for value in dict.fromkeys(settings.blocked_values):
        found.append(("configured", value, rows(con, query, value, value)[0][0], "blocked in hub.yaml"))
    table(
        con,
        "id_blocked",
        id_type=pa.array([f[0] for f in found], pa.string()),
        value=pa.array([f[1] for f in found], pa.string()),
        records=pa.array([f[2] for f in found], pa.int64()),
        reason=pa.array([f[3] for f in found], pa.string()),
    )
