"""What users of other tools complain of, where it concerns who is who and no other file asks it; see docs/contributor.md."""

from __future__ import annotations

from typing import Any

import duckdb

from tests.hub.identity.helpers import Record, customers, decide, load, record, stage, together, warehouse
from tests.hub.parties import stage_parties
from tests.hub.parties import warehouse as full_warehouse

ANN = {"given": "ann", "family": "quillfeather"}
BEN = {"given": "ben", "family": "ostrander"}


def ask(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()


def test_a_customer_whose_email_changes_keeps_the_id() -> None:
    con = warehouse()
    phone = {"phone": "442079460018"}
    shop, desk = (record(key, **ANN, **phone, email="ann@mail.net") for key in ("shop:c:1", "desk:u:1"))
    stage(con, [shop, desk])
    load(con)
    before = customers(con)
    assert together(con, "shop:c:1", "desk:u:1")
    stage(con, [{**shop, "email": "ann@elsewhere.net"}, desk])  # the help desk still has the old one
    load(con, 2)
    assert customers(con) == before
    stage(con, [{**shop, "email": "ann@elsewhere.net"}, {**desk, "email": "ann@elsewhere.net"}])
    load(con, 3)
    assert customers(con) == before


def test_a_mailbox_that_another_person_has_two_years_later_is_a_question_and_no_merge() -> None:
    con = full_warehouse()
    shared = {"email": "box77@mail.net"}
    first = {"key": "shop:customers:1", "given_name": "Ann", "family_name": "Lee", "phone": "+44 20 7946 0018", **shared}
    then = {"key": "shop:customers:2", "given_name": "Boris", "family_name": "Novak", "phone": "+44 20 7946 0999", **shared}
    then |= {"created_at": "2028-01-01"}
    stage_parties(con, [{**first, "created_at": "2026-01-01"}])
    load(con)
    ann = customers(con)["shop:customers:1"]
    stage_parties(con, [then])
    load(con, 2)
    assert customers(con)["shop:customers:1"] == ann != customers(con)["shop:customers:2"]
    asked = ask(con, "SELECT kind, record_key_l, record_key_r FROM identity.review_task WHERE record_key_r IS NOT NULL")
    assert [(kind, {*pair}) for kind, *pair in asked] == [("shared_mailbox", {"shop:customers:1", "shop:customers:2"})]
    con.close()


def test_a_merge_at_the_source_that_is_told_in_pieces_loses_nobody() -> None:
    """As at a help desk: the discarded user disappears at once, and the other has its address only some time later."""
    con = warehouse()
    kept, discarded = record("desk:u:1", **ANN, email="ann@mail.net"), record("desk:u:2", **ANN, email="ann@work.net")
    known: list[Record] = [
        record("shop:c:1", **ANN, email="ann@mail.net"),
        record("bill:c:1", **ANN, email="ann@work.net"),
    ]
    stage(con, [kept, discarded, *known])
    load(con)
    before = customers(con)
    gap = {**discarded, "deleted": True}
    stage(con, [kept, gap, *known])
    load(con, 2)
    assert {key: customers(con)[key] for key in ("shop:c:1", "bill:c:1", "desk:u:1")} == {
        key: before[key] for key in ("shop:c:1", "bill:c:1", "desk:u:1")
    }
    # the address has arrived with the other user
    stage(con, [{**kept, "email": "ann@work.net"}, gap, *known])
    load(con, 3)
    resolved = dict(ask(con, "SELECT customer_id, current_customer_id FROM identity.customer_registry"))
    living = {*customers(con).values()}
    assert {resolved[one] for one in before.values()} <= living
    assert resolved[before["desk:u:2"]] == customers(con)["bill:c:1"]


def test_a_run_over_what_was_known_decides_nothing_anew() -> None:
    con = warehouse()
    rows = [record("shop:c:1", **ANN, email="ann@mail.net"), record("desk:u:1", **ANN, email="ann@mail.net")]
    rows += [record("shop:c:2", **BEN, email="ben@mail.net"), record("desk:u:2", **BEN, email="ben@mail.net")]
    decisions = decide(con, ("shop:c:2", "desk:u:2", "cannot_link"), ("desk:u:1", "shop:c:2", "cannot_link"))
    stage(con, rows)
    load(con, decisions=decisions)
    before = customers(con)
    assert before["shop:c:2"] != before["desk:u:2"]
    log, asked = ask(con, "FROM identity.merge_log ORDER BY ALL"), ask(con, "FROM identity.review_task ORDER BY ALL")
    for number in (2, 3):
        report = load(con, number, decisions=decisions, full=number == 3)
        assert customers(con) == before
        assert report.merged_ids == 0
    assert ask(con, "FROM identity.merge_log ORDER BY ALL") == log
    assert ask(con, "FROM identity.review_task ORDER BY ALL") == asked
