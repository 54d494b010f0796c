"""Lasting IDs over a row of loads. Steward's decisions draw the clusters here: each test says exactly who belongs together."""

from __future__ import annotations

from itertools import pairwise

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.contract.errors import NotFoundError
from hub.identity import ResolutionReport, current_customer
from hub.identity.registry import mint
from tests.hub.identity.helpers import SECRET, customers, decide, groups, load, record, stage, warehouse


class Hub:
    """A row of loads, each a partition of records into customers such as ("ab", "c")."""

    def __init__(self) -> None:
        self.con: duckdb.DuckDBPyConnection = warehouse()
        self.loads = 0

    def load(self, *parts: str) -> ResolutionReport:
        self.loads += 1
        stage(self.con, [record(f"s:c:{name}") for part in parts for name in part])
        pairs = [(f"s:c:{a}", f"s:c:{b}", "must_link") for part in parts for a, b in pairwise(part)]
        return load(self.con, self.loads, decisions=decide(self.con, *pairs))

    def id(self, name: str) -> str:
        """The customer that record ``name`` is now."""
        return customers(self.con)[f"s:c:{name}"]

    def status(self, customer: str) -> tuple[str, str]:
        query = "SELECT status, current_customer_id FROM identity.customer_registry WHERE customer_id = ?"
        return self.con.execute(query, [customer]).fetchall()[0]  # type: ignore[no-any-return]

    def events(self) -> list[tuple[str, str, str | None]]:
        """What the newest load logged: event, customer, other customer."""
        query = "SELECT event_type, customer_id, other_customer_id FROM identity.merge_log WHERE run_id = ? ORDER BY ALL"
        return self.con.execute(query, [f"run{self.loads}"]).fetchall()


def test_an_id_is_opaque_and_follows_from_secret_seed_and_ordinal() -> None:
    assert mint(SECRET, "s:c:1", 0) == mint(SECRET, "s:c:1", 0)
    assert len({mint(SECRET, "s:c:1", 0), mint(SECRET, "s:c:1", 1), mint(SECRET, "s:c:2", 0), mint(b"other", "s:c:1", 0)}) == 4
    minted = mint(SECRET, "s:c:1", 0)
    assert minted.startswith("c_")
    assert len(minted) == 28
    assert minted == minted.lower()
    assert "s:c:1" not in minted


def test_growing_and_shrinking_customers_keep_their_id() -> None:
    hub = Hub()
    first = hub.load("ab", "c")
    a, c = hub.id("a"), hub.id("c")
    assert (first.created_ids, first.id_churn_rate) == (2, None)
    report = hub.load("abd", "c", "e")
    assert (hub.id("a"), hub.id("d"), hub.id("c")) == (a, a, c)
    assert (report.created_ids, report.kept_ids, report.id_churn_rate) == (1, 2, 0.0)
    hub.load("d", "c", "e")
    assert hub.id("d") == a


def test_a_merge_redirects_and_a_split_gives_the_former_id_back() -> None:
    hub = Hub()
    hub.load("abc", "de")
    a, d = hub.id("a"), hub.id("d")
    report = hub.load("abcde")
    assert hub.id("d") == a
    assert hub.status(d) == ("merged", a)
    assert hub.events() == [("merge", a, d)]
    assert report.id_churn_rate == pytest.approx(2 / 5)
    hub.load("abc", "de")
    assert (hub.id("a"), hub.id("d")) == (a, d)
    assert hub.status(d) == ("active", d)
    assert hub.events() == [("unmerge", d, a)]


def test_the_former_id_returns_even_when_its_first_record_is_gone() -> None:
    hub = Hub()
    hub.load("abc", "de")
    d = hub.id("d")
    hub.load("abcde")
    hub.load("abce")
    hub.load("abc", "e")
    assert hub.id("e") == d


def test_a_split_without_a_former_id_mints_one() -> None:
    hub = Hub()
    hub.load("abc")
    a = hub.id("a")
    report = hub.load("ab", "c")
    c = hub.id("c")
    assert hub.id("a") == a
    assert c != a
    assert report.created_ids == 1
    assert hub.events() == [("create", c, None), ("split", a, c)]


def test_redirects_lead_to_the_end_in_one_step() -> None:
    hub = Hub()
    hub.load("abcdjk", "efg", "hi")
    a, e, h = hub.id("a"), hub.id("e"), hub.id("h")
    hub.load("abcdjk", "efghi")
    assert hub.status(h) == ("merged", e)
    hub.load("abcdjkefghi")
    assert hub.status(h) == hub.status(e) == ("merged", a)
    assert current_customer(hub.con, "identity", h) == a
    hub.load("abcdjk", "efghi")
    assert hub.status(e) == ("active", e)
    assert hub.status(h) == ("merged", e)  # it follows its records, not the last merge


def test_a_customer_whose_records_are_gone_retires_and_comes_back_with_them() -> None:
    hub = Hub()
    hub.load("ab", "c")
    a = hub.id("a")
    report = hub.load("c")
    assert hub.status(a) == ("retired", a)
    assert report.retired_ids == 1
    assert current_customer(hub.con, "identity", a) == a
    hub.load("c", "d")
    assert hub.id("d") != a
    hub.load("b", "c", "d")
    assert hub.id("b") == a
    assert hub.status(a) == ("active", a)
    assert ("unmerge", a, None) in hub.events()


def test_a_retired_customer_whose_records_return_to_another_leads_there() -> None:
    hub = Hub()
    hub.load("ab", "cde")
    a, c = hub.id("a"), hub.id("c")
    hub.load("cde")
    hub.load("abcde")
    assert hub.status(a) == ("merged", c)
    assert ("merge", c, a) in hub.events()


def test_a_merged_customer_without_records_follows_where_it_led() -> None:
    hub = Hub()
    hub.load("abc", "d", "efgh")
    a, d, e = hub.id("a"), hub.id("d"), hub.id("e")
    hub.load("abcd", "efgh")
    hub.load("abc", "efgh")
    assert hub.status(d) == ("merged", a)
    hub.load("abcefgh")
    assert hub.status(d) == hub.status(a) == ("merged", e)


def test_a_record_that_comes_back_after_its_customer_was_erased_gets_an_id_that_nobody_had() -> None:
    hub = Hub()
    hub.load("a", "b")
    a = hub.id("a")
    # as an erasure leaves the load: what the ID was minted for goes on under another name
    hub.con.execute("UPDATE live.customer_registry SET status = 'erased', seed_record_key = 's:c:gone' WHERE customer_id = ?", [a])
    hub.con.execute("UPDATE live.customer_xref SET record_key = 's:c:gone', is_current = false WHERE record_key = 's:c:a'")
    hub.load("a", "b")
    assert hub.status(a) == ("erased", a)
    assert hub.id("a") == mint(SECRET, "s:c:a", 1)


def test_an_erased_id_is_never_touched_or_used_again() -> None:
    hub = Hub()
    hub.load("ab", "c")
    a = hub.id("a")
    hub.con.execute("UPDATE live.customer_registry SET status = 'erased' WHERE customer_id = ?", [a])
    hub.con.execute("DELETE FROM live.customer_xref WHERE customer_id = ?", [a])
    hub.load("ab", "c")
    assert hub.id("a") != a
    assert hub.status(a) == ("erased", a)


def test_an_unknown_id_is_said_to_be_unknown() -> None:
    hub = Hub()
    hub.load("a")
    with pytest.raises(NotFoundError, match="c_nobody"):
        current_customer(hub.con, "identity", "c_nobody")


def test_the_crosswalk_keeps_its_history() -> None:
    hub = Hub()
    hub.load("a", "b")
    a, b = hub.id("a"), hub.id("b")
    hub.load("ab")
    hub.load("ab")
    columns = "customer_id, day(valid_from), day(valid_to), is_current, run_id"
    query = f"SELECT {columns} FROM identity.customer_xref WHERE record_key = 's:c:b' ORDER BY valid_from"
    assert hub.con.execute(query).fetchall() == [(b, 2, 3, False, "run1"), (a, 3, None, True, "run2")]


RECORDS = "abcdef"
PARTITIONS = st.lists(st.integers(-1, 3), min_size=len(RECORDS), max_size=len(RECORDS))


def parts_of(labels: list[int]) -> list[str]:
    """A partition of RECORDS; records labelled -1 are deleted."""
    return ["".join(r for r, x in zip(RECORDS, labels, strict=True) if x == label) for label in sorted(set(labels) - {-1})]


@given(st.lists(PARTITIONS, min_size=2, max_size=4))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_every_id_ever_issued_leads_to_one_customer(history: list[list[int]]) -> None:
    hub = Hub()
    issued: dict[str, str] = {}
    for labels in history:
        parts = parts_of(labels)
        hub.load(*parts)
        assert groups(hub.con) == {frozenset(f"s:c:{r}" for r in part) for part in parts}
        rows = hub.con.execute(
            "SELECT customer_id, status, current_customer_id, seed_record_key FROM identity.customer_registry"
        ).fetchall()
        status = {r[0]: r[1] for r in rows}
        assert len(status) == len(rows)
        assert issued.items() <= {r[0]: r[3] for r in rows}.items()  # none is lost, none is minted twice
        issued = {r[0]: r[3] for r in rows}
        assert {r[0] for r in rows if r[1] == "active"} == set(customers(hub.con).values())
        for customer, state, current, _ in rows:
            assert (current == customer) == (state != "merged")
            assert status[current] in ("active", "retired")
        query = "SELECT count(*), count(DISTINCT record_key) FROM identity.customer_xref WHERE is_current"
        assert len(set(hub.con.execute(query).fetchall()[0])) == 1


@given(st.lists(st.integers(0, 4), min_size=6, max_size=6), st.lists(st.integers(0, 2), min_size=5, max_size=5))
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_merging_and_parting_again_restores_every_id_and_so_does_parting_and_merging(fine: list[int], joined: list[int]) -> None:
    parted, merged = parts_of(fine), parts_of([joined[label] for label in fine])
    for there, back in ((merged, parted), (parted, merged)):
        hub = Hub()
        hub.load(*back)
        before = customers(hub.con)
        hub.load(*there)
        hub.load(*back)
        assert customers(hub.con) == before
