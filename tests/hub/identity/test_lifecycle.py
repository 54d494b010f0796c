"""Properties of customer IDs over any history: order does not matter, nothing is reused, every ID resolves, an undo is exact."""

from __future__ import annotations

from typing import Any

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.identity import IdentitySettings
from hub.identity.decisions import Decision
from hub.identity.stewardship import merging, undoing
from tests.hub.identity.helpers import Record, customers, groups, load, record, stage, warehouse

EASY = IdentitySettings(match_threshold=0.02)
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
VALUES = {
    "email": st.sampled_from([None, "ann@mail.net", "bob@mail.net"]),
    "phone": st.sampled_from([None, "442079460001", "442079460002"]),
    "family": st.sampled_from([None, "quillfeather"]),
}
FIELDS = st.fixed_dictionaries(VALUES)
PEOPLE = st.lists(FIELDS, min_size=2, max_size=7)


def records(people: list[dict[str, Any]]) -> list[Record]:
    return [record(f"s{n % 3}:c:{n}", **fields) for n, fields in enumerate(people)]


def resolve(con: duckdb.DuckDBPyConnection, number: int, rows: list[Record], decisions: list[Decision] | None = None) -> None:
    con.execute("DELETE FROM identity.match_decision")
    names = "decision_id, record_key_l, record_key_r, decision, decided_by, decided_at"
    for d in decisions or []:
        values = [d.decision_id, d.left, d.right, d.verdict]
        con.execute(f"INSERT INTO identity.match_decision ({names}) VALUES (?, ?, ?, ?, 'ada', now())", values)
    stage(con, rows)
    load(con, number, EASY, decisions="identity.match_decision")


@given(PEOPLE, st.permutations(range(7)), st.integers(1, 6))
@settings(max_examples=4, deadline=None, suppress_health_check=SLOW)
def test_neither_the_order_of_records_nor_of_batches_changes_who_is_who(
    people: list[dict[str, Any]], order: list[int], cut: int
) -> None:
    rows = records(people)
    mixed = [rows[n] for n in order if n < len(rows)]
    cut = min(cut, len(mixed) - 1)
    found = []
    for first in (mixed[:cut], mixed[cut:]):
        con = warehouse()
        resolve(con, 1, first)
        resolve(con, 2, mixed)
        found.append(groups(con))
    once = warehouse()
    resolve(once, 1, rows)
    # one model for all: the defaults, which so few records leave in force
    assert once.execute("SELECT DISTINCT json_extract_string(parameters, '$.origin') FROM identity.model").fetchall() == [
        ("default",)
    ]
    assert found == [groups(once)] * 2


@given(st.lists(st.lists(st.one_of(st.none(), FIELDS), min_size=5, max_size=5), min_size=2, max_size=4))
@settings(max_examples=4, deadline=None, suppress_health_check=SLOW)
def test_every_id_ever_issued_leads_to_one_customer_and_none_is_given_twice(history: list[list[dict[str, Any] | None]]) -> None:
    con = warehouse()
    issued: dict[str, str] = {}
    for number, people in enumerate(history, 1):
        rows = [record(f"s:c:{n}", **fields) for n, fields in enumerate(people) if fields is not None]
        resolve(con, number, rows)
        registry = con.execute("SELECT customer_id, status, current_customer_id, seed_record_key FROM identity.customer_registry")
        found = {row[0]: row[1:] for row in registry.fetchall()}
        assert issued.items() <= {customer: row[2] for customer, row in found.items()}.items()
        issued = {customer: row[2] for customer, row in found.items()}
        assert {customer for customer, row in found.items() if row[0] == "active"} == set(customers(con).values())
        for customer, (status, current, _) in found.items():
            assert (current == customer) == (status != "merged")
            assert found[current][0] in ("active", "retired")
        before = customers(con)
    resolve(con, len(history) + 1, rows)
    assert customers(con) == before  # a second run of the same changes nothing


@given(PEOPLE, st.data())
@settings(max_examples=5, deadline=None, suppress_health_check=SLOW)
def test_an_unmerge_after_a_merge_is_as_if_neither_had_been(people: list[dict[str, Any]], data: st.DataObject) -> None:
    con, rows = warehouse(), records(people)
    resolve(con, 1, rows)
    before = customers(con)
    apart = sorted(set(before.values()))
    if len(apart) < 2:
        return
    left, right = data.draw(st.permutations(apart))[:2]
    links = [Decision(f"d{n}", a, b, "must_link", "m") for n, (a, b) in enumerate(merging(con, "live", left, right))]
    resolve(con, 2, rows, links)
    after = customers(con)
    survivor = after[next(key for key, customer in before.items() if customer == left)]
    ended = ({left, right} - {survivor}).pop()
    assert {after[key] for key, customer in before.items() if customer in (left, right)} == {survivor}
    undo = undoing(con, "live", data.draw(st.sampled_from([ended, survivor])), links)
    assert (undo.former_id, set(undo.revoke), undo.part) == (ended, {d.decision_id for d in links}, ())
    resolve(con, 3, rows)
    assert customers(con) == before
