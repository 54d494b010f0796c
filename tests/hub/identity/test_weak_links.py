"""Weak links inside a customer: where it would fall apart, what that is worth, and what a steward has settled already."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from hub.identity.weak_links import Edge, Odds, WeakLink, weak_links
from tests.hub.identity.helpers import decide, load, record, stage, warehouse

ODDS = Odds(bias=0.0, link=-1.0, average=-0.5, size=0.5)


def found(*customers: list[Edge], held: dict[int, int] | None = None, most: int = 10) -> list[WeakLink]:
    rows = [(n, edge) for n, edges in enumerate(customers) for edge in sorted(edges, key=lambda e: -e[2])]
    edges = [edge for _, edge in rows]
    records = {node: 1 for left, right, _ in edges for node in (left, right)}
    clusters = np.array([n for n, _ in rows], dtype=np.int64)
    return weak_links(clusters, np.full(len(rows), 1e9), edges, records, held or {}, ODDS, most)


def dense(*nodes: int, weight: float = 9.0) -> list[Edge]:
    return [(a, b, weight) for a, b in combinations(nodes, 2)]


def test_the_bridge_between_two_dense_groups_is_the_question() -> None:
    assert [link[1:] for link in found([*dense(1, 2, 3), *dense(4, 5, 6, 7), (3, 4, 1.0)])] == [(3, 4, 3, 4)]


def test_the_worth_grows_with_doubt_and_with_the_pairs_that_hang_on_it() -> None:
    small, large = [*dense(1, 2), (2, 3, 1.0)], [*dense(11, 12, 13), *dense(14, 15, 16), (13, 14, 1.0)]
    sure = [*dense(21, 22, 23), *dense(24, 25, 26), (23, 24, 8.0)]
    links = found(small, large, sure)
    assert (links[0].left, links[0].right) == (13, 14)
    assert {link.worth > links[-1].worth for link in links[:-1]} == {True}
    assert links == sorted(links, reverse=True)
    assert found(small, large, sure, most=1) == links[:1]


def test_what_a_must_link_holds_together_is_no_question() -> None:
    chain: list[Edge] = [(1, 2, 1.0), (2, 3, 5.0)]
    assert [(link.left, link.right) for link in found(chain)] == [(1, 2)]
    assert [(link.left, link.right) for link in found(chain, held={1: 0, 2: 0})] == [(2, 3)]
    assert found(chain, held={1: 0, 3: 0, 2: 0}) == []


def test_no_customer_gives_more_than_one_question_and_none_is_no_question() -> None:
    assert len(found([(1, 2, 1.0), (2, 3, 1.0), (3, 4, 1.0)])) == 1
    assert found() == []


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
