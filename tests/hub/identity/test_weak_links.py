"""Weak links inside a customer: where it would fall apart, what that is worth, and what a steward has settled already."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from hub.identity.weak_links import Cut, Edge, weak_links
from tests.hub.identity.helpers import decide, load, record, stage, warehouse


def found(*customers: list[Edge], held: dict[int, int] | None = None) -> list[Cut]:
    rows = [(n, edge) for n, edges in enumerate(customers) for edge in sorted(edges, key=lambda e: -e[2])]
    clusters = np.array([n for n, _ in rows], dtype=np.int64)
    return weak_links(clusters, [edge for _, edge in rows], held or {})


def dense(*nodes: int, weight: float = 9.0) -> list[Edge]:
    return [(a, b, weight) for a, b in combinations(nodes, 2)]


def test_the_bridge_between_two_dense_groups_parts_them() -> None:
    cuts = found([*dense(1, 2, 3), *dense(4, 5, 6, 7), (3, 4, 1.0)])
    assert Cut(0, 3, 4, 1.0, frozenset({1, 2, 3}), frozenset({4, 5, 6, 7})) in cuts
    assert len(cuts) == 6  # as many as the links of a tree
    assert {cut.nodes_l | cut.nodes_r for cut in cuts} == {frozenset(range(1, 8))}


def test_each_customer_is_parted_by_itself_at_its_strongest_links() -> None:
    cuts = found([(1, 2, 4.0), (2, 3, 3.0), (1, 3, 2.0)], [(11, 12, 1.0)], [])
    assert [(cut.cluster, cut.left, cut.right) for cut in cuts] == [(0, 1, 2), (0, 2, 3), (1, 11, 12)]
    assert cuts[0].nodes_r == {2, 3}
    assert found() == []


def test_what_a_must_link_holds_together_is_no_question() -> None:
    chain: list[Edge] = [(1, 2, 1.0), (2, 3, 5.0)]
    assert [(cut.left, cut.right) for cut in found(chain)] == [(2, 3), (1, 2)]
    assert [(cut.left, cut.right) for cut in found(chain, held={1: 0, 2: 0})] == [(2, 3)]
    assert found(chain, held={1: 0, 3: 0, 2: 0}) == []


def test_the_two_groups_that_hold_each_their_own_mailbox_are_asked_about_first_and_each_customer_once() -> None:
    home = {"given": "zephyrine", "family": "quillfeather", "street": "1 high street", "city": "york", "postal": "yo17"}
    other = {"given": "leontyne", "family": "mardlebury", "street": "9 mill lane", "city": "hull", "postal": "hu12"}
    father_and_son = [
        record("a:c:1", **home, email="zq@mail.net", phone="442079460001"),
        record("b:c:1", **home, email="zq@mail.net"),
        record("c:c:1", **home, email="zephyrine@post.net", phone="442079460001"),
        record("d:c:1", **home, email="zephyrine@post.net"),
    ]
    one = [
        record(f"{source}:c:2", **other, email="leontyne@mail.net", phone=f"44207946000{n}") for n, source in enumerate("abcd", 2)
    ]
    con = warehouse()
    stage(con, [*father_and_son, *one])
    load(con)
    columns = "record_key_l, record_key_r, records_l, records_r, worth"
    query = f"SELECT {columns} FROM identity.review_task WHERE kind = 'weak_link' ORDER BY worth DESC"
    (left, right, *sizes, worth), (*_, least) = con.execute(query).fetchall()
    assert {left[0] in "ab", right[0] in "ab"} == {True, False}
    assert (left[-2:], sizes) == (":1", [2, 2])
    assert worth > 3 * least


def test_an_answer_settles_the_question_for_good() -> None:
    con = warehouse()
    ann = {"given": "zephyrine", "family": "quillfeather"}
    rows = [
        record("a:c:1", **ann, email="ann@mail.net"),
        record("b:c:2", **ann, email="ann@mail.net", phone="442079460001"),
        record("c:c:3", **ann, phone="442079460001"),
    ]
    stage(con, rows)
    load(con, 1)
    query = "SELECT record_key_l, record_key_r FROM identity.review_task WHERE kind = 'weak_link'"
    asked = con.execute(query).fetchall()
    assert len(asked) == 1
    load(con, 2, decisions=decide(con, (*asked[0], "must_link")))
    assert asked[0] not in con.execute(query).fetchall()
    load(con, 3, decisions=decide(con, (*asked[0], "cannot_link")))
    kinds = con.execute("SELECT kind FROM identity.review_task WHERE record_key_l = ? AND record_key_r = ?", asked[0]).fetchall()
    assert kinds == []
