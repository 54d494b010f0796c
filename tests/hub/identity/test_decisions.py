"""Reading steward's decisions, and refusing sets that contradict each other."""

from __future__ import annotations

import pytest

from hub.contract.errors import ConfigError
from hub.identity.decisions import Decision, Standing, read_decisions
from tests.hub.identity.helpers import decide, groups, load, record, stage, warehouse


def test_no_relation_means_no_decision() -> None:
    assert read_decisions(warehouse(), None).records == set()


def test_must_links_are_followed_through_other_records() -> None:
    con = warehouse()
    found = read_decisions(con, decide(con, ("b", "a", "must_link"), ("c", "b", "must_link"), ("x", "y", "must_link")))
    assert found.together == (("a", "b", "c"), ("x", "y"))


def test_a_contradiction_names_the_decisions() -> None:
    con = warehouse()
    name = decide(con, ("a", "b", "must_link"), ("b", "c", "must_link"), ("p", "q", "must_link"), ("c", "a", "cannot_link"))
    with pytest.raises(ConfigError, match=r"d3 says cannot_link, must_link follows from d0, d1"):
        read_decisions(con, name)


def test_a_revoked_decision_does_not_count() -> None:
    con = warehouse()
    name = decide(con, ("a", "b", "must_link"), ("a", "b", "cannot_link"))
    con.execute("UPDATE identity.match_decision SET revoked_at = now() WHERE decision = 'must_link'")
    assert read_decisions(con, name).apart == (("a", "b"),)


def test_a_record_cannot_be_apart_from_itself() -> None:
    con = warehouse()
    with pytest.raises(ConfigError, match="naming one record twice"):
        read_decisions(con, decide(con, ("a", "a", "cannot_link")))


def test_a_new_decision_is_asked_against_all_that_follows_from_those_in_force() -> None:
    standing = Standing(
        [Decision("d1", "a", "b", "must_link"), Decision("d2", "c", "d", "must_link"), Decision("d3", "a", "d", "cannot_link")]
    )
    assert standing.against(Decision("n", "b", "c", "must_link")) == ["d1", "d2", "d3"]
    assert standing.against(Decision("n", "b", "a", "cannot_link")) == ["d1"]
    assert standing.against(Decision("n", "b", "e", "must_link")) == []
    standing.add(Decision("d4", "b", "e", "must_link"))
    assert standing.against(Decision("n", "e", "c", "must_link")) == ["d1", "d2", "d3", "d4"]


def test_equal_records_on_either_side_of_a_cannot_link_stay_apart() -> None:
    # c and d have the same keys; that a is with c and b with d must not make one of what a steward keeps apart
    con = warehouse()
    twin = {"given": "ann", "family": "lee", "email": "ann@mail.net"}
    rows = [
        record("s:c:a", email="a@post.net"),
        record("s:c:b", email="b@post.net"),
        record("s:c:c", **twin),
        record("s:c:d", **twin),
    ]
    stage(con, rows)
    said = decide(con, ("s:c:a", "s:c:c", "must_link"), ("s:c:b", "s:c:d", "must_link"), ("s:c:a", "s:c:b", "cannot_link"))
    load(con, decisions=said)
    assert groups(con) == {frozenset({"s:c:a", "s:c:c"}), frozenset({"s:c:b", "s:c:d"})}
