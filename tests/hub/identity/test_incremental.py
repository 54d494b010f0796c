"""A load on top of another one links only what changed, and finds to the row what a full run would."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.contract.errors import ConfigError
from hub.identity import IdentitySettings, resolve
from hub.identity.delta import places_between
from hub.identity.state import settle
from tests.hub.identity.helpers import SECRET, START, Record, decide, load, record, stage, together, warehouse

CONTENT = {
    "customer_registry": "*",
    "customer_xref": "*",
    "match_edge": "*",
    "match_key": "*",
    "review_task": "*",
    "merge_log": "*",
    "blocked_value": "*",
    "model": "*",
    "term_frequency": "*",
    "resolution_run": "* EXCLUDE (candidate_pairs, ended_at)",
}
# what the state holds of customers and of questions about them, told by record keys
KEPT = {
    "customer": "SELECT record_key, nodes, records, hope FROM linkage.customer JOIN linkage.record ON rid = cluster ORDER BY ALL",
    "question": """
        SELECT kind, a.record_key, b.record_key, vector, probability, records_l, records_r, worth
        FROM linkage.question JOIN linkage.record AS a ON a.rid = l JOIN linkage.record AS b ON b.rid = r ORDER BY ALL""",
}
SMALL = IdentitySettings(max_block_size=3, max_cluster_size=4, min_training_pairs=1_000)
WIDE = SMALL.model_copy(update={"max_block_size": 20, "max_cluster_size": 20})
# nearly every pair that does not link is a question, and only the two best of a kind are asked
ASKING = SMALL.model_copy(update={"review_floor": 1e-9, "max_review_tasks": 2})


def content(con: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
    """All rows of schema identity, and what is kept for the next queue."""
    queries = {name: f"SELECT {columns} FROM identity.{name} ORDER BY ALL" for name, columns in CONTENT.items()}
    return {name: con.execute(query).fetchall() for name, query in {**queries, **KEPT}.items()}


class Both:
    """The same loads twice: on top of each other, and each in full."""

    def __init__(self, chosen: IdentitySettings = SMALL) -> None:
        self.settings, self.loads, self.held = chosen, 0, 0
        self.stepwise, self.anew = warehouse(), warehouse()

    def load(self, records: list[Record], *decisions: tuple[str, str, str], **options: Any) -> int:
        """Loads, demands equal results and yields the pairs compared in the incremental run."""
        self.loads += 1
        compared = []
        for con in (self.stepwise, self.anew):
            stage(con, records)
            report = load(con, self.loads, self.settings, decisions=decide(con, *decisions), full=con is self.anew, **options)
            settle(con, "live")
            compared.append(report.candidate_pairs)
        found, expected = content(self.stepwise), content(self.anew)
        for name in found:
            assert found[name] == expected[name], name
        return compared[0]

    def hold(self, records: list[Record], *decisions: tuple[str, str, str]) -> int:
        """A load on top that is not published; yields the pairs compared."""
        stage(self.stepwise, records)
        chosen, when = decide(self.stepwise, *decisions), START + timedelta(days=self.loads, hours=1 + self.held)
        self.held += 1
        options = {"run_id": f"held{self.held}", "now": when, "id_secret": SECRET, "decisions": chosen}
        return resolve(self.stepwise, self.settings, live="live" if self.loads else None, **options).candidate_pairs


PEOPLE = [
    record("a:c:1", given="ann", family="lee", email="ann.lee@mail.net", city="york"),
    record("a:c:2", given="anna", family="lee", email="ann.lee@mail.net"),
    record("b:c:1", given="bob", family="stone", phone="4930123456", birth="1980-01-02"),
    record("b:c:2", given="robert", family="stone", phone="4930123456"),
    record("b:c:3", given="john", family="smith", birth="1980-02-01"),
]


def test_what_did_not_change_is_not_compared_again() -> None:
    both = Both()
    assert both.load(PEOPLE) > 0
    assert both.load(PEOPLE) == 0
    assert both.load([*PEOPLE, record("b:c:4", given="jon", family="smith", birth="1980-02-01")]) == 1


def test_new_edited_and_deleted_records_and_decisions_give_what_a_full_run_gives() -> None:
    both = Both()
    both.load(PEOPLE)
    newcomers = [record("a:c:0", given="bob", family="stone", phone="4930123456", birth="1980-01-02"), record("c:x:1", city="york")]
    both.load([*PEOPLE, newcomers[0]])
    both.load([*PEOPLE, *newcomers])  # another stream: streams have new bits
    both.load([*PEOPLE[1:], *newcomers])
    both.load([PEOPLE[1] | {"email": "anna@post.net"}, *PEOPLE[2:], *newcomers])
    both.load([PEOPLE[1], *PEOPLE[2:], *newcomers], ("b:c:1", "b:c:2", "cannot_link"))
    both.load([PEOPLE[1], *PEOPLE[2:], *newcomers], ("b:c:1", "b:c:3", "must_link"))
    both.load([PEOPLE[1], *PEOPLE[2:], *newcomers])


def test_a_value_that_crosses_its_cap_touches_all_who_hold_it() -> None:
    both = Both()
    crowd = [record(f"a:c:{n}", given=f"g{n}x", email="all@mail.net", city="york") for n in range(6)]
    for number in (2, 3, 4, 6, 4, 3, 2):
        both.load(crowd[:number])
    assert both.stepwise.execute("SELECT count(*) FROM linkage.busy").fetchall() == [(0,)]


CALLERS = (("ann", "lee"), ("ann", "ray"), ("j", "smith"), ("john", "smith"), ("bob", "fox"), ("una", "oak"))
FIRMS = (("acme", "york"), ("bolt", "bath"), ("cord", "deal"), ("dune", "hull"))
HOUSES = {
    "phone": [{"given": given, "family": family, "phone": "4930777777"} for given, family in CALLERS],
    "email": [{"company": "acme", "email": "info@acme.com", "role": True, "city": city} for _, city in FIRMS],
    "tax_id": [{"company": company, "tax": "99117", "city": city} for company, city in FIRMS],
}


@pytest.mark.parametrize(("id_type", "loads"), [("phone", (2, 4, 6, 3)), ("email", (2, 3, 2)), ("tax_id", (2, 3, 4, 3))])
def test_a_value_that_comes_to_be_shared_parts_those_it_joined_until_it_no_longer_is(id_type: str, loads: tuple[int, ...]) -> None:
    both, found = Both(WIDE), []
    for number in loads:
        both.load([*PEOPLE, *(record(f"a:c:7{n}", **fields) for n, fields in enumerate(HOUSES[id_type][:number]))])
        shared = both.stepwise.execute("SELECT count(*) FROM linkage.communal WHERE id_type = ?", [id_type]).fetchall()[0][0]
        found.append((shared, together(both.stepwise, "a:c:70", "a:c:71")))
    assert found == [(number == max(loads), number != max(loads)) for number in loads]
    assert both.stepwise.execute("SELECT count(*) FROM identity.model").fetchall() == [(1,)]


def test_ids_that_ended_follow_their_last_records_though_nothing_else_happens_to_these() -> None:
    both = Both()
    keys = [record(f"s:c:{n}") for n in range(6)]
    apart = [("s:c:0", "s:c:1", "must_link"), ("s:c:2", "s:c:3", "must_link"), ("s:c:4", "s:c:5", "must_link")]
    both.load(keys, *apart)
    both.load(keys, *apart, ("s:c:1", "s:c:2", "must_link"))
    both.load(keys[:2] + keys[3:], *apart, ("s:c:1", "s:c:2", "must_link"))
    both.load(keys[:2] + keys[4:], *apart, ("s:c:1", "s:c:4", "must_link"))
    both.load(keys, *apart)


def test_questions_are_asked_anew_where_customers_or_the_pairs_between_them_change_and_nowhere_else() -> None:
    both = Both(ASKING)
    crowd = [record(f"b:c:{n}", given=name, family="stone", city="york") for n, name in enumerate(("ada", "ida", "una"), 5)]
    asked = "SELECT count(*) FROM linkage.question"
    for number in (2, 3, 2, 3, 1):  # with all three the city is everybody's: a question between others comes and goes
        both.load([*PEOPLE, *crowd[:number]])
        assert both.stepwise.execute(asked).fetchall() == both.anew.execute(asked).fetchall() != [(0,)]
    both.load([*PEOPLE, *crowd], ("b:c:5", "b:c:6", "cannot_link"))
    both.load([*PEOPLE, *crowd])


def test_a_held_load_leaves_no_trace_and_after_it_no_more_is_compared_than_changed() -> None:
    both = Both()
    jon, bob = record("b:c:4", given="jon", family="smith", birth="1980-02-01"), record("a:c:0", given="bob", family="stone")
    both.load(PEOPLE)
    assert both.hold([*PEOPLE, jon]) == 1
    assert both.load([*PEOPLE, jon]) == 0
    both.hold(PEOPLE[2:], ("b:c:1", "b:c:3", "must_link"))
    both.hold([*PEOPLE[1:], jon, bob], ("b:c:1", "b:c:2", "cannot_link"))
    both.load([*PEOPLE, jon, bob])
    both.hold([*PEOPLE, jon])
    assert both.load([*PEOPLE[1:], jon]) == 0
    both.load(PEOPLE)


def test_the_state_of_the_live_load_outlasts_a_held_one_that_linked_all_records() -> None:
    both = Both()
    jon, other = record("b:c:4", given="jon", family="smith", birth="1980-02-01"), record("c:x:1", city="york")
    both.load(PEOPLE)
    assert both.hold([*PEOPLE[2:], other]) > 0  # another stream: all records are linked
    assert both.load([*PEOPLE, jon]) == 1
    both.hold([*PEOPLE[2:], other], ("b:c:1", "b:c:3", "must_link"))
    both.hold([other])
    both.load([*PEOPLE, jon])
    both.hold([*PEOPLE, jon], ("b:c:1", "b:c:2", "cannot_link"))
    both.hold([*PEOPLE, jon, other])
    both.load([*PEOPLE[1:], jon])
    both.load([*PEOPLE[1:], jon, other])
    assert both.load([*PEOPLE[1:], jon, other]) == 0


def test_a_failure_leaves_state_and_identity_as_they_were() -> None:
    both = Both()
    both.load(PEOPLE)
    before = content(both.stepwise)
    with pytest.raises(ConfigError):
        load(both.stepwise, 2, SMALL, decisions=decide(both.stepwise, ("a", "b", "must_link"), ("b", "a", "cannot_link")))
    decide(both.stepwise)
    assert content(both.stepwise) == before
    both.load(PEOPLE[1:])


FIELDS = {
    "given": st.sampled_from(["john", "jon", "ann", "anna", None]),
    "family": st.sampled_from(["smith", "smyth", "lee", None]),
    "email": st.sampled_from(["jo@mail.net", "jo@post.net", "ann.lee@mail.net", None]),
    "phone": st.sampled_from(["4930123456", "4930123457", None]),
    "birth": st.sampled_from(["1980-02-01", "1980-01-02", None]),
    "city": st.sampled_from(["york", "leeds", None]),
    "company": st.sampled_from(["acme", None]),
    "tax": st.sampled_from(["12345", "99117", None, None]),
    "test": st.sampled_from([False, False, False, True]),
}
# hardly anything but values that many hold
CROWDS = {
    "given": st.sampled_from(["john", "ann", None]),
    "family": st.sampled_from(["smith", "smyth", "lee", "ray", "fox", None, None, None]),
    "email": st.sampled_from(["info@acme.com", None]),
    "phone": st.sampled_from(["4930123456", "4930123457"]),
    "city": st.sampled_from(["york", "leeds", "bath"]),
    "company": st.sampled_from(["acme", "acma", "bolt", "cord", "dune"]),
    "tax": st.sampled_from(["99117", None]),
    "test": st.sampled_from([False, False, False, True]),
}
KEYS = [f"s{n % 3}:c:{n}" for n in range(10)]


@st.composite
def histories(
    draw: st.DrawFn, fields: dict[str, st.SearchStrategy[Any]]
) -> list[tuple[list[Record], list[tuple[str, str, str]], bool]]:
    """Loads that follow each other, and whether each is held: records that come, change and go, decisions taken and revoked."""
    alive: dict[str, Record] = {}
    decisions: list[tuple[str, str, str]] = []
    loads = []
    for _ in range(draw(st.integers(2, 5))):
        for key in draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=7)):
            if key in alive and draw(st.integers(0, 3)) == 0:
                del alive[key]
            else:
                into = draw(st.sampled_from([None, None, None, *KEYS]))
                alive[key] = record(key, merged_into=into if into != key else None, **{n: draw(v) for n, v in fields.items()})
        if draw(st.integers(0, 2)) == 0:
            pairs = draw(
                st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)).filter(lambda p: p[0] != p[1]), max_size=2)
            )
            decisions = [(a, b, draw(st.sampled_from(["must_link", "cannot_link"]))) for a, b in pairs]
        loads.append((list(alive.values()), decisions, draw(st.integers(0, 2)) == 0))
    return loads


@given(st.sampled_from([(ASKING, FIELDS), (WIDE, CROWDS)]).flatmap(lambda of: st.tuples(st.just(of[0]), histories(of[1]))))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_each_load_is_what_a_full_run_makes_of_it(
    told: tuple[IdentitySettings, list[tuple[list[Record], list[tuple[str, str, str]], bool]]],
) -> None:
    chosen, history = told
    both = Both(chosen)
    for records, decisions, held in history:
        try:
            (both.hold if held else both.load)(records, *decisions)
        except ConfigError:
            return  # the decisions contradict each other


@given(st.lists(st.lists(st.integers(0, 40), unique=True, min_size=1), min_size=1, max_size=12))
def test_new_records_get_places_in_order_until_there_is_no_room(batches: list[list[int]]) -> None:
    taken = np.array([10, 20, 1 << 20, 1 << 40], dtype=np.int64)
    for batch in batches:
        before = np.sort(np.concatenate([[taken[0] - 5], taken])[np.array(batch) % (len(taken) + 1)])
        places = places_between(before, taken)
        following = np.append(taken, np.iinfo(np.int64).max)[np.searchsorted(taken, before, side="right")]
        assert (places >= before).all()
        assert (places < following).all()
        if len(set(places.tolist()) | set(taken.tolist())) < len(places) + len(taken):
            return  # no room
        assert (np.diff(places) > 0).all()
        taken = np.sort(np.concatenate([taken, places]))
