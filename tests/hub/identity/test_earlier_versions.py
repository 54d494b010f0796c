"""Models and states that earlier versions of the hub left: read where they say the same, passed over where they say less."""

from __future__ import annotations

from dataclasses import replace

from hub.identity.comparisons import SAME_LEVELS
from hub.identity.model import load_model
from tests.hub.identity.helpers import load, record, stage, together, warehouse
from tests.hub.identity.test_incremental import HOUSES, PEOPLE, SMALL, WIDE


def test_a_model_that_was_kept_with_who_shared_a_value_goes_on_without_it() -> None:
    con = warehouse()
    callers = [record(f"a:c:7{n}", **fields) for n, fields in enumerate(HOUSES["phone"])]
    stage(con, [*PEOPLE, *callers[:2]])
    load(con, 1, WIDE)
    made = load_model(con, "live")
    assert made is not None
    old = replace(made, made_for=next(iter(SAME_LEVELS)))
    con.execute("DELETE FROM live.model; INSERT INTO live.term_frequency VALUES ('phone_people', '4930123456', 4)")
    old.store(con, "live.model")
    stage(con, [*PEOPLE, *callers])
    for number in (2, 3):
        report = load(con, number, WIDE)
        assert (report.model_version, report.trained) == (old.version, False)
        assert con.execute("SELECT count(*) FROM identity.term_frequency WHERE term_type = 'phone_people'").fetchall() == [(0,)]
        assert con.execute("SELECT DISTINCT model_version FROM identity.match_edge").fetchall() == [(old.version,)]
        assert not together(con, "a:c:70", "a:c:71")
        assert together(con, "b:c:1", "b:c:2")


def test_a_state_that_an_earlier_version_set_aside_with_less_in_it_does_not_count() -> None:
    con = warehouse()
    stage(con, PEOPLE)
    load(con, 1, SMALL)
    stage(con, [*PEOPLE, record("c:x:1", city="york")])  # another stream: all records are linked, and their state is set aside
    load(con, 2, SMALL)
    con.execute("DROP TABLE linkage_next.communal")
    assert load(con, 3, SMALL).candidate_pairs > 0
    assert load(con, 4, SMALL).candidate_pairs == 0
