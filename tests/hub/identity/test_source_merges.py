"""A record that its source merged into another: its customer lives on in the survivor's, unless a steward says otherwise."""

from __future__ import annotations

from typing import Any

from tests.hub.identity.helpers import customers, decide, load, record, stage, together, warehouse


def ask(con: Any, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()  # type: ignore[no-any-return]


def test_the_customer_of_a_merged_record_lives_on_in_the_survivors() -> None:
    con = warehouse()
    stage(
        con, [record("x:c:1", email="one@mail.net"), record("x:c:2", email="two@mail.net"), record("s:c:9", email="two@mail.net")]
    )
    load(con)
    one, two = customers(con)["x:c:1"], customers(con)["x:c:2"]
    # what the record said of itself stays evidence: the shop's record still belongs to it
    merged = [
        record("x:c:1", email="one@mail.net"),
        record("x:c:2", email="two@mail.net", merged_into="x:c:1"),
        record("s:c:9", email="two@mail.net"),
    ]
    stage(con, merged)
    report = load(con, 2)
    assert together(con, "x:c:1", "x:c:2", "s:c:9")
    kept, ended = customers(con)["x:c:1"], ({one, two} - {customers(con)["x:c:1"]}).pop()
    assert ask(con, f"SELECT status, current_customer_id FROM identity.customer_registry WHERE customer_id = '{ended}'") == [
        ("merged", kept)
    ]
    assert report.merged_ids == 1
    assert ask(con, "SELECT cause FROM identity.merge_log WHERE event_type = 'merge'") == [("source_merge",)]
    reasons = dict(ask(con, "SELECT record_key, link_reason FROM identity.customer_xref WHERE is_current"))
    assert (reasons["x:c:1"], reasons["x:c:2"]) == ("source_merge", "source_merge")
    assert reasons["s:c:9"] != "source_merge"


def test_merges_lead_on_from_record_to_record() -> None:
    con = warehouse()
    stage(con, [record("x:c:1"), record("x:c:2", merged_into="x:c:1"), record("x:c:3", merged_into="x:c:2"), record("x:c:4")])
    load(con)
    assert together(con, "x:c:1", "x:c:2", "x:c:3")
    assert not together(con, "x:c:1", "x:c:4")


def test_a_steward_overrules_a_source_and_is_told_so() -> None:
    con = warehouse()
    rows = [record("x:c:1"), record("x:c:2", merged_into="x:c:1"), record("x:c:3", merged_into="x:c:2")]
    stage(con, rows)
    load(con, decisions=decide(con, ("x:c:1", "x:c:3", "cannot_link")))
    assert together(con, "x:c:1", "x:c:2")
    assert not together(con, "x:c:1", "x:c:3")
    query = "SELECT record_key_l, record_key_r FROM identity.review_task WHERE kind = 'overruled_merge'"
    assert ask(con, query) == [("x:c:3", "x:c:2")]
    stage(con, rows)
    load(con, 2, decisions=decide(con))
    assert together(con, "x:c:1", "x:c:2", "x:c:3")
    assert ask(con, query) == []


def test_a_merge_that_the_source_takes_back_parts_the_customers_again() -> None:
    con = warehouse()
    apart = [record("x:c:1", email="one@mail.net"), record("x:c:2", email="two@mail.net")]
    stage(con, apart)
    load(con)
    before = customers(con)
    stage(con, [apart[0], record("x:c:2", email="two@mail.net", merged_into="x:c:1")])
    load(con, 2)
    assert together(con, "x:c:1", "x:c:2")
    stage(con, apart)
    load(con, 3)
    assert customers(con) == before
