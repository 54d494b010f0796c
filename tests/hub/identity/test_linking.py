"""Which records become one customer: one test a kind of evidence, on data so small that the documented defaults decide."""

from __future__ import annotations

import pytest

from hub.identity import IdentitySettings
from hub.identity.decisions import LEARNT
from tests.hub.identity.helpers import Record, customers, decide, groups, load, record, stage, together, warehouse

JOHN = {"given": "john", "family": "smith"}


def linked(*records: Record, settings: IdentitySettings | None = None) -> bool:
    """Whether all of these records become one customer."""
    con = warehouse()
    stage(con, records)
    load(con, settings=settings)
    return together(con, *(r["key"] for r in records))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"email": "jo.smith@mail.net"}, {"email": "jo.smith@mail.net"}),
        ({**JOHN, "email": "jo@mail.net"}, {"email": "jo@mail.net"}),
        ({**JOHN, "email": "jo@mail.net"}, {"given": "jon", "family": "smith", "email": "jo@mail.net"}),
        ({**JOHN, "email": "jo@mail.net"}, {**JOHN, "email": "jo@mail.net", "phone": "4930123456"}),
        ({**JOHN, "phone": "4930123456"}, {"phone": "4930123456"}),
        ({**JOHN, "birth": "1980-02-01"}, {**JOHN, "birth": "1980-02-01"}),
        ({**JOHN, "birth": "1980-02-01"}, {"given": "smith", "family": "john", "birth": "1980-02-01"}),
        ({**JOHN, "street": "1 high street", "city": "york"}, {**JOHN, "street": "1 high street", "city": "york", "phone": "441"}),
        ({"given": "william", "family": "oakley", "postal": "yo17"}, {"given": "bill", "family": "oakley", "postal": "yo17"}),
        ({"company": "acme", "city": "york", "tax": "GB1"}, {"company": "acme", "city": "york", "tax": "gb 1"}),
        ({"company": "acme", "email": "info@acme.net", "role": True}, {"company": "acme", "email": "info@acme.net", "role": True}),
    ],
)
def test_the_same_person_or_company_is_one_customer(left: Record, right: Record) -> None:
    assert linked(record("crm:contacts:1", **left), record("shop:customers:1", **right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (JOHN, JOHN),
        (JOHN, {**JOHN, "email": "other@mail.net"}),
        ({**JOHN, "email": "one.one@mail.net"}, {**JOHN, "email": "another@mail.net"}),
        ({**JOHN, "birth": "1950-01-31"}, {**JOHN, "birth": "1981-06-12"}),
        # mailboxes made of one given name: the family names differ, and so do the people
        (
            {**JOHN, "email": "john1972@mail.net"},
            {"given": "john", "family": "baker", "email": "john1972@post.net"},
        ),
        ({}, {}),
        ({"city": "york"}, {"city": "york"}),
        # a mailbox of a role is nobody's
        (
            {**JOHN, "email": "info@acme.net", "role": True},
            {"given": "ann", "family": "lee", "email": "info@acme.net", "role": True},
        ),
        ({**JOHN, "email": "info@acme.net", "role": True}, {"email": "info@acme.net", "role": True}),
        ({"email": "info@acme.net", "role": True}, {"email": "info@acme.net", "role": True}),
        # one roof, two people
        (
            {**JOHN, "street": "1 high street", "postal": "yo17", "phone": "441904"},
            {"given": "ann", "family": "smith", "street": "1 high street", "postal": "yo17", "phone": "441904"},
        ),
        (
            {**JOHN, "street": "1 high street", "postal": "yo17", "birth": "1950-01-31"},
            {**JOHN, "street": "1 high street", "postal": "yo17", "birth": "1981-06-12", "suffix": "Jr."},
        ),
        # one company, two people; and the company itself is a third
        (
            {**JOHN, "company": "acme", "phone": "441904"},
            {"given": "ann", "family": "lee", "company": "acme", "phone": "441904"},
        ),
        ({**JOHN, "company": "acme", "email": "john@acme.net"}, {"company": "acme", "email": "john@acme.net"}),
    ],
)
def test_different_people_or_too_little_evidence_stay_apart(left: Record, right: Record) -> None:
    assert not linked(record("crm:contacts:1", **left), record("shop:customers:1", **right))


def test_a_guest_with_61_orders_is_one_customer() -> None:
    orders = [record(f"shop:orders:{n}", **JOHN, email="jo@mail.net") for n in range(61)]
    con = warehouse()
    stage(con, orders)
    report = load(con)
    assert together(con, *(o["key"] for o in orders))
    assert (report.largest_cluster, report.largest_customer) == (1, 61)


def test_a_value_that_too_many_share_links_nobody_and_is_shown() -> None:
    people = [record(f"crm:c:{n}", given=f"given{n}", family=f"family{n}", email="kasse@shop.net") for n in range(70)]
    people += [record(f"crm:d:{n}", email="kasse@shop.net") for n in range(5)]
    people += [record(f"crm:e:{n}", given="given3", family="family3", email="kasse@shop.net") for n in range(2)]
    con = warehouse()
    stage(con, people)
    load(con)
    assert len(groups(con)) == len(people)
    shown = con.execute("SELECT detail FROM identity.review_task WHERE kind = 'capped_value'").fetchall()
    assert shown == [("email kasse@shop.net is shared by 77 different records and no longer links",)]
    # 70 people, 5 records with nothing else and 2 of one of them, who were one node until the value fell
    assert con.execute("SELECT id_type, value, records FROM identity.blocked_value").fetchall() == [("email", "kasse@shop.net", 77)]


def test_blocked_values_of_the_configuration_never_link() -> None:
    pair = (record("a:c:1", **JOHN, email="x@y.net"), record("b:c:1", **JOHN, email="x@y.net"))
    assert linked(*pair)
    assert not linked(*pair, settings=IdentitySettings(blocked_values=("x@y.net",)))


def test_deleted_records_are_gone_and_test_records_stay_alone() -> None:
    same = {**JOHN, "email": "jo@mail.net"}
    con = warehouse()
    stage(
        con,
        [
            record("a:c:1", **same),
            record("a:c:2", **same),
            record("a:c:3", **same, deleted=True),
            record("a:c:4", **same, test=True),
        ],
    )
    load(con)
    assert groups(con) == {frozenset({"a:c:1", "a:c:2"}), frozenset({"a:c:4"})}


def test_the_threshold_binds() -> None:
    pair = (record("a:c:1", **JOHN, phone="4930123456"), record("b:c:1", phone="4930123456"))
    assert linked(*pair, settings=IdentitySettings(match_threshold=0.5))
    assert not linked(*pair, settings=IdentitySettings(match_threshold=0.99))


def test_near_misses_are_for_the_steward() -> None:
    con = warehouse()
    stage(con, [record("a:c:1", **JOHN), record("b:c:1", **JOHN), record("b:c:2", given="ann", family="lee")])
    load(con)
    (task,) = con.execute("SELECT kind, record_key_l, record_key_r, match_probability, detail FROM identity.review_task").fetchall()
    assert task[:3] == ("near_miss", "a:c:1", "b:c:1")
    assert 0.1 <= task[3] < 0.5
    assert "same name" in task[4]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 100])
def test_any_number_of_equal_records_resolves(count: int) -> None:
    con = warehouse()
    stage(con, [record(f"a:c:{n}", email="jo@mail.net") for n in range(count)])
    report = load(con)
    assert report.records == len(customers(con)) == count
    assert report.customers == min(count, 1)


def test_a_record_is_never_in_two_customers_and_every_live_one_is_in_one() -> None:
    con = warehouse()
    stage(con, [record(f"s{n % 3}:c:{n}", given="jo", family=f"f{n % 7}", phone=f"49{n % 5}") for n in range(60)])
    load(con)
    assert len(customers(con)) == 60


def test_steward_decisions_are_absolute() -> None:
    con = warehouse()
    same = {**JOHN, "email": "jo@mail.net"}
    stage(
        con, [record("a:c:1", **same), record("a:c:2", **same), record("a:c:3", given="ann", family="lee"), record("a:c:4", **same)]
    )
    decided = decide(con, ("a:c:1", "a:c:2", "cannot_link"), ("a:c:3", "a:c:1", "must_link"))
    load(con, decisions=decided)
    found = groups(con)
    assert not together(con, "a:c:1", "a:c:2")
    assert together(con, "a:c:1", "a:c:3")
    assert len(found) == 2  # the fourth record went with one of both
    reasons = dict(con.execute("SELECT record_key, link_reason FROM identity.customer_xref").fetchall())
    assert reasons["a:c:3"] == "steward"


def test_what_was_learnt_from_answers_is_told_from_what_a_steward_linked() -> None:
    con, reasons = warehouse(), []
    stage(con, [record(f"a:c:{n}", given=name, family="lee") for n, name in enumerate(("ann", "bob", "una", "ida"))])
    taught, said = ("a:c:0", "a:c:1", "must_link"), ("a:c:1", "a:c:2", "must_link")
    for number, steward in enumerate(((), (said,), (said, taught)), 1):
        relation = decide(con, *steward, taught)
        con.execute(f"UPDATE {relation} SET decided_by = ? WHERE decision_id = ?", [LEARNT, f"d{len(steward)}"])
        load(con, number, decisions=relation)
        found = con.execute("SELECT link_reason FROM identity.customer_xref WHERE is_current ORDER BY record_key").fetchall()
        reasons.append([reason for (reason,) in found])
    assert reasons == [
        ["learnt", "learnt", "singleton", "singleton"],
        ["learnt", "steward", "steward", "singleton"],
        ["steward", "steward", "steward", "singleton"],
    ]


def test_what_was_decided_is_not_asked_again() -> None:
    con = warehouse()
    stage(con, [record("a:c:1", **JOHN), record("b:c:1", **JOHN)])
    load(con, decisions=decide(con, ("b:c:1", "a:c:1", "cannot_link")))
    assert con.execute("SELECT * FROM identity.review_task").fetchall() == []
