"""Explaining pairs: the same sums as in linkage, from a read-only file."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from hub.contract.errors import NotFoundError
from hub.identity import explain
from tests.hub.identity.helpers import decide, load, record, stage, together, warehouse

ANN = {"given": "ann", "family": "lee"}
RECORDS = [
    record("a:c:1", **ANN, email="ann.lee@mail.net", phone="4930123456", birth="1980-02-01"),
    record("b:c:1", **ANN, email="ann.lee@mail.net"),
    record("b:c:2", **ANN, email="ann.lee@mail.net"),
    record("b:c:3", given="anna", family="lee", phone="4930123456", birth="1980-02-01"),
    record("c:c:1", given="john", family="smith", email="js@post.net"),
    record("c:c:2", given="mary", family="jones", email="info@acme.net", role=True),
]


@pytest.fixture
def published(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """A resolved load, opened read-only."""
    path = str(tmp_path / "golden.duckdb")
    con = warehouse(path)
    stage(con, RECORDS)
    load(con, decisions=decide(con, ("c:c:1", "c:c:2", "must_link")))
    con.close()
    return duckdb.connect(path, read_only=True)


def test_an_explanation_adds_up_to_the_weight_the_linkage_used(published: duckdb.DuckDBPyConnection) -> None:
    edges = published.execute(
        "SELECT record_key_l, record_key_r, match_weight, match_probability FROM identity.match_edge"
    ).fetchall()
    assert edges
    for left, right, weight, probability in edges:
        found = explain(published, "identity", right, left)
        assert found.match_weight == pytest.approx(weight)
        assert found.match_probability == pytest.approx(probability)
        parts = found.prior_weight + sum(c.weight for c in found.comparisons) + found.other_explanations
        assert parts == pytest.approx(weight)
        assert found.blocking_rules


def test_it_says_how_each_comparison_came_out(published: duckdb.DuckDBPyConnection) -> None:
    found = explain(published, "identity", "a:c:1", "b:c:1")
    level = {c.comparison: c.level for c in found.comparisons}
    assert level["name"].startswith("same name")
    assert level["email"] == "same address"
    assert level["phone"] == "missing"
    assert {"email", "full_name"} <= set(found.blocking_rules)
    shown = next(c for c in found.comparisons if c.comparison == "email")
    assert shown.m is not None
    assert shown.u is not None
    assert shown.m > shown.u


def test_any_pair_can_be_explained_even_one_never_compared(published: duckdb.DuckDBPyConnection) -> None:
    found = explain(published, "identity", "a:c:1", "c:c:1")
    assert found.blocking_rules == ()
    assert not found.same_customer
    assert found.path == ()
    assert found.match_probability < 0.01


def test_records_of_one_node_have_the_same_keys(published: duckdb.DuckDBPyConnection) -> None:
    found = explain(published, "identity", "b:c:1", "b:c:2")
    assert found.same_keys
    assert [s.how for s in found.path] == ["same keys"]


def test_the_path_leads_through_other_records_of_the_customer(published: duckdb.DuckDBPyConnection) -> None:
    found = explain(published, "identity", "b:c:2", "b:c:3")
    assert found.same_customer
    assert {found.path[0].record_key_l, found.path[0].record_key_r} & {"b:c:2"}
    assert {found.path[-1].record_key_l, found.path[-1].record_key_r} & {"b:c:3"}


def test_a_decision_is_part_of_the_explanation(published: duckdb.DuckDBPyConnection) -> None:
    found = explain(published, "identity", "c:c:2", "c:c:1")
    assert found.decision == "must_link"
    assert [s.how for s in found.path] == ["steward"]
    assert found.match_weight < 0


def test_unknown_records_are_named(published: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(NotFoundError, match="x:c:1 is not in the crosswalk"):
        explain(published, "identity", "a:c:1", "x:c:1")
    with pytest.raises(NotFoundError, match="both keys"):
        explain(published, "identity", "a:c:1", "a:c:1")


def test_what_stands_against_a_pair_whatever_it_weighs_is_told(tmp_path: Path) -> None:
    con = warehouse(str(tmp_path / "golden.duckdb"))
    at_home = {"family": "lee", "street": "1 main street", "postal": "10115", "city": "berlin", "birth": "1990-05-06"}
    work = {"company": "acme", "phone": "4930999999"}
    stage(
        con,
        [
            record("a:c:1", given="ann", **at_home),
            record("b:c:1", given="jonathan", **at_home),
            record("b:c:2", given="ann", family="lee", birth="1955-11-30"),
            record("c:c:1", given="mary", family="jones", **work),
            record("c:c:2", given="peter", family="brown", **work),
        ],
    )
    load(con)
    twins, namesakes, colleagues = (
        explain(con, "identity", left, right).doubts for left, right in (("a:c:1", "b:c:1"), ("a:c:1", "b:c:2"), ("c:c:1", "c:c:2"))
    )
    assert [(doubt.forbids, doubt.because.split(":")[0].split()[-2:]) for doubt in twins] == [(True, ["birth", "date"])]
    assert [(doubt.forbids, doubt.because.split(":")[0]) for doubt in namesakes] == [(True, "quite another birth date")]
    assert [(doubt.forbids, doubt.because.split(": ")[1]) for doubt in colleagues] == [(False, "colleagues")]
    assert explain(con, "identity", "a:c:1", "c:c:1").doubts == ()


def test_a_pair_that_other_records_of_both_customers_keep_apart_says_which_and_by_what_rule() -> None:
    con = warehouse()
    parent, child = {**ANN, "email": "ann1@mail.net"}, {**ANN, "email": "ann2@post.net"}
    stage(
        con,
        [
            record("a:c:1", **parent, birth="1951-05-22", phone="4930123456"),
            record("b:c:1", **parent, phone="4930123456"),
            record("a:c:2", **child, birth="1984-11-03", phone="4930123456"),
            record("b:c:2", **child, phone="4930123456"),
        ],
    )
    load(con)
    assert together(con, "a:c:1", "b:c:1")
    found = explain(con, "identity", "b:c:1", "b:c:2")
    assert (found.same_customer, found.doubts) == (False, ())
    assert [(pair.record_key_l, pair.record_key_r) for pair in found.kept_apart_through] == [("a:c:1", "a:c:2")]
    assert found.kept_apart_through[0].because.startswith("quite another birth date")
    assert found.match_weight > 0
    assert explain(con, "identity", "a:c:1", "a:c:2").kept_apart_through == ()  # its own doubts say so
    assert explain(con, "identity", "a:c:1", "b:c:1").kept_apart_through == ()


def test_a_line_of_many_is_told_as_such_from_the_load_on_that_brings_them() -> None:
    con = warehouse()
    names = (("ann", "lee"), ("ann", "ray"), ("bob", "fox"), ("una", "oak"))
    callers = [record(f"d:c:{n}", given=given, family=family, phone="4930777777") for n, (given, family) in enumerate(names)]
    told = []
    for number, callers_now in enumerate((2, 4), 1):
        stage(con, [*RECORDS, *callers[:callers_now]])
        load(con, number)
        found = explain(con, "identity", "d:c:0", "d:c:1")
        (line,) = (shown.level for shown in found.comparisons if shown.comparison == "phone")
        told.append((line, found.same_customer))
    assert told == [("same number", True), ("same number of many", False)]
