"""Reading steward's decisions, and refusing sets that contradict each other."""

from __future__ import annotations

import pytest

from hub.contract.errors import ConfigError
from hub.identity.decisions import read_decisions
from tests.hub.identity.helpers import decide, warehouse


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
