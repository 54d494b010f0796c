"""The golden customer: which value survives and why, facts with their customer, and rows that change only when something did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.golden import TABLES, GoldenSettings, SurvivorshipSettings, TableDelta, build_golden
from hub.golden.lookup import customer_card, find_customers
from tests.hub.parties import T0, assign, stage_parties, warehouse

SOURCES = ("shop", "bill", "help")


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    made = warehouse()
    yield made
    made.close()


def party(key: str, **values: Any) -> dict[str, Any]:
    return {"key": key, "given_name": "Ann", "family_name": "Lee", "country": "GB"} | values


def stage(con: duckdb.DuckDBPyConnection, table: str, key: str, **values: Any) -> None:
    """Stage a fact; its key is source:stream:id."""
    source, stream, id_ = key.split(":", 2)
    row = {
        TABLES[table][0]: key,
        "source_system": source,
        "stream": stream,
        "source_record_id": id_,
        "is_test": False,
        **values,
    }
    con.execute(f"INSERT INTO staging.{table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def order(con: duckdb.DuckDBPyConnection, id_: str, owner: str | None, **values: Any) -> None:
    row = {
        "order_key": f"shop:orders:{id_}",
        "party_record_key": owner,
        "source_system": "shop",
        "stream": "orders",
        "source_record_id": id_,
        "ordered_at": T0,
        "currency": "GBP",
        "gross_amount": Decimal(10),
        "is_test": False,
    } | values
    con.execute(f"INSERT INTO staging.customer_order ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def build(
    con: duckdb.DuckDBPyConnection, load: str = "L1", rules: SurvivorshipSettings | None = None, live: str | None = None
) -> Any:
    return build_golden(con, GoldenSettings(SOURCES, rules or SurvivorshipSettings()), load_id=load, live=live, now=T0)


def golden(con: duckdb.DuckDBPyConnection, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    return con.execute(f"SELECT {columns} FROM golden.customer WHERE {where} ORDER BY customer_id").fetchall()


def test_a_value_wins_by_validity_then_source_then_recency_and_says_so(con: duckdb.DuckDBPyConnection) -> None:
    later = T0 + timedelta(days=1)
    stage_parties(
        con,
        [
            party("bill:customers:1", email="broken@", phone="020 7946 0018"),
            party("shop:customers:1", email="ann@mail.org"),
            party("help:users:1", email="ann@work.net", updated=later),
            party("help:users:2", email="ann@home.net", updated=T0),
        ],
    )
    assign(con, {"c_1": ["bill:customers:1", "shop:customers:1", "help:users:1", "help:users:2"]})
    build(con)
    assert golden(con, "email, phone_e164") == [("ann@mail.org", "+442079460018")]
    ranked = con.execute(
        "SELECT value, rank_no, survivorship_rule FROM golden.customer_attribute WHERE attribute = 'email' ORDER BY rank_no"
    ).fetchall()
    assert ranked == [
        ("ann@mail.org", 1, "source_priority"),
        ("ann@work.net", 2, "source_priority"),
        ("ann@home.net", 3, "source_priority"),
    ]
    build(con, rules=SurvivorshipSettings(fields={"email": ("recency",)}))
    assert golden(con, "email") == [("ann@work.net",)]


def test_name_and_address_win_as_groups(con: duckdb.DuckDBPyConnection) -> None:
    stage_parties(
        con,
        [
            party("shop:customers:1", address_line1="1 Old Road", city="Leeds", given_name=None, family_name="Leigh"),
            party("bill:customers:1", address_line1="2 New Street", city="York", postal_code="YO1 7HH", region="Yorkshire"),
        ],
    )
    assign(con, {"c_1": ["shop:customers:1", "bill:customers:1"]})
    build(con)
    # bill's address is the fuller one and its name the only whole one; nothing of shop's is mixed in
    assert golden(con, "given_name, family_name, address_line1, city, postal_code") == [
        ("Ann", "Lee", "2 New Street", "York", "YO1 7HH")
    ]


def test_a_personal_mailbox_beats_a_role_mailbox(con: duckdb.DuckDBPyConnection) -> None:
    stage_parties(con, [party("shop:customers:1", email="info@acme.org"), party("help:users:1", email="ann@acme.org")])
    assign(con, {"c_1": ["shop:customers:1", "help:users:1"]})
    build(con)
    assert golden(con, "email") == [("ann@acme.org",)]


def test_every_golden_value_is_a_candidate_with_its_record(con: duckdb.DuckDBPyConnection) -> None:
    stage_parties(con, [party("shop:customers:1", email="a@mail.org", phone="020 7946 0018", birth_date="1980-02-03")])
    assign(con, {"c_1": ["shop:customers:1"]})
    build(con)
    winners = dict(con.execute("SELECT attribute, value FROM golden.customer_attribute WHERE is_winner").fetchall())
    row = dict(zip(winners, golden(con, ", ".join(f"{name}::VARCHAR" for name in winners))[0], strict=True))
    assert row == winners
    assert winners["birth_date"] == "1980-02-03"


def test_facts_get_their_customer_and_guests_count_with_the_account(con: duckdb.DuckDBPyConnection) -> None:
    guests = [party(f"shop:orders:{n}", record_role="guest") for n in (1, 2, 3)]
    stage_parties(con, [party("shop:customers:7"), *guests])
    assign(con, {"c_1": ["shop:customers:7", "shop:orders:1", "shop:orders:2", "shop:orders:3"]})
    for n in (1, 2, 3):
        order(con, str(n), f"shop:orders:{n}", ordered_at=T0 + timedelta(days=n))
    order(con, "4", "shop:customers:7", ordered_at=T0 + timedelta(days=4), refund_amount=Decimal("2.50"))
    order(con, "5", "shop:customers:7", is_test=True)
    order(con, "6", "shop:customers:404")
    build(con)
    rows = con.execute(
        "SELECT source_record_id, customer_id, customer_order_seq, net_amount FROM golden.customer_order ORDER BY order_key"
    ).fetchall()
    assert rows == [
        ("1", "c_1", 1, Decimal(10)),
        ("2", "c_1", 2, Decimal(10)),
        ("3", "c_1", 3, Decimal(10)),
        ("4", "c_1", 4, Decimal("7.5")),
        ("5", "c_1", None, Decimal(10)),
        ("6", None, None, Decimal(10)),
    ]
    three_sixty = con.execute("SELECT orders, order_net_by_currency FROM golden.customer_360").fetchall()
    assert three_sixty == [(4, {"GBP": Decimal("37.5000")})]


def people(con: duckdb.DuckDBPyConnection, *numbers: int) -> None:
    """Customers c_1, c_2 ... of the shop."""
    stage_parties(con, [party(f"shop:customers:{n}") for n in numbers])
    assign(con, {f"c_{n}": [f"shop:customers:{n}"] for n in numbers})


def test_order_lines_belong_to_their_orders_customer(con: duckdb.DuckDBPyConnection) -> None:
    people(con, 1, 2)
    order(con, "1", "shop:customers:1")
    order(con, "2", None, is_test=True)
    stage(con, "order_line", "shop:orders:1:a", source_record_id="1", order_id="1", line_no="a", quantity=Decimal("1.5"))
    stage(con, "order_line", "shop:orders:2:a", source_record_id="2", order_id="2", line_no="a")
    # lines may come in a stream of their own, and say whose they are when their order is not there
    stage(con, "order_line", "shop:lines:7", order_id="1")
    stage(con, "order_line", "shop:lines:8", order_id="404", party_record_key="shop:customers:2")
    build(con)
    rows = con.execute(
        "SELECT order_line_key, order_key, customer_id, party_record_key, is_test FROM golden.order_line ORDER BY ALL"
    ).fetchall()
    assert rows == [
        ("shop:lines:7", "shop:orders:1", "c_1", "shop:customers:1", False),
        ("shop:lines:8", None, "c_2", "shop:customers:2", False),
        ("shop:orders:1:a", "shop:orders:1", "c_1", "shop:customers:1", False),
        ("shop:orders:2:a", "shop:orders:2", None, None, True),
    ]


def test_a_named_fact_is_the_one_of_the_same_stream_else_the_only_one_of_the_source(con: duckdb.DuckDBPyConnection) -> None:
    for key in ("shop:orders:1", "shop:archive:1", "shop:archive:2", "shop:orders:3", "shop:archive:3", "bill:orders:4"):
        stage(con, "customer_order", key)
    for number, stream in ((1, "orders"), (1, "archive"), (2, "orders"), (3, "lines"), (4, "lines")):
        stage(con, "order_line", f"shop:{stream}:{number}", order_id=str(number))
    build(con)
    assert dict(con.execute("SELECT order_line_key, order_key FROM golden.order_line").fetchall()) == {
        "shop:orders:1": "shop:orders:1",
        "shop:archive:1": "shop:archive:1",
        "shop:orders:2": "shop:archive:2",
        "shop:lines:3": None,  # two orders have that number, and neither is meant more than the other
        "shop:lines:4": None,  # another source's
    }


def test_a_refund_belongs_to_whoever_it_names_else_to_the_customer_of_what_was_paid(con: duckdb.DuckDBPyConnection) -> None:
    people(con, 1, 2, 3, 4)
    order(con, "1", "shop:customers:1")
    stage(con, "invoice", "shop:invoices:i", party_record_key="shop:customers:2")
    stage(con, "payment", "shop:payments:p", party_record_key="shop:customers:3", invoice_id="i")
    stage(con, "refund", "shop:refunds:1", order_id="1")
    stage(con, "refund", "shop:refunds:2", invoice_id="i")
    stage(con, "refund", "shop:refunds:3", payment_id="p")
    stage(con, "refund", "shop:refunds:4", payment_id="p", order_id="1", party_record_key="shop:customers:4")
    stage(con, "refund", "shop:refunds:5", payment_id="unknown")
    build(con)
    rows = con.execute(
        "SELECT refund_key, customer_id, order_key, invoice_key, payment_key FROM golden.refund ORDER BY ALL"
    ).fetchall()
    assert rows == [
        ("shop:refunds:1", "c_1", "shop:orders:1", None, None),
        ("shop:refunds:2", "c_2", None, "shop:invoices:i", None),
        ("shop:refunds:3", "c_3", None, "shop:invoices:i", "shop:payments:p"),
        ("shop:refunds:4", "c_4", "shop:orders:1", "shop:invoices:i", "shop:payments:p"),
        ("shop:refunds:5", None, None, None, None),
    ]
    assert con.execute("SELECT invoice_key FROM golden.payment").fetchall() == [("shop:invoices:i",)]


def test_refunds_are_counted_where_money_went_back(con: duckdb.DuckDBPyConnection) -> None:
    people(con, 1)
    for number, values in enumerate(
        (
            {"refund_type": "refund", "status": "succeeded"},
            {"refund_type": None, "status": None},
            {"refund_type": "refund", "status": "failed"},
            {"refund_type": "refund", "status": "cancelled"},
            {"refund_type": "credit_note", "status": "succeeded"},
            {"refund_type": "refund", "status": "succeeded", "is_test": True},
        )
    ):
        owner, at = "shop:customers:1", T0 + timedelta(days=number)
        stage(con, "refund", f"shop:refunds:{number}", party_record_key=owner, refunded_at=at, **values)
    build(con)
    assert con.execute("SELECT refunds, last_refund_at FROM golden.customer_360").fetchall() == [(2, T0 + timedelta(days=1))]
    kinds = [entry["kind"] for entry in customer_card(con, "c_1")["timeline"]]
    assert kinds == ["refund", "refund", "refund", "refund", "credit_note", "refund"]


def test_ads_groups_leads_and_spend_find_each_other_by_the_platforms_ids(con: duckdb.DuckDBPyConnection) -> None:
    stage(con, "ad_campaign", "ads:campaigns:1", account_id="a", campaign_id="1")
    stage(con, "ad_group", "ads:ad_groups:11", account_id="a", campaign_id="1", ad_group_id="11")
    stage(con, "ad", "ads:ads:111", account_id="a", ad_group_id="11", ad_id="111")  # which campaign, its group knows
    ids = {"account_id": "a", "campaign_id": "1", "ad_group_id": "11", "ad_id": "111"}
    stage(con, "lead", "ads:leads:l", **ids)
    stage(con, "ad_spend_daily", "ads:spend:s", **ids)
    stage(con, "ad_spend_daily", "ads:spend:other", **{**ids, "account_id": "b"})
    # IDs that a source says twice name neither row, and multiply none
    for n in (1, 2):
        stage(con, "ad_campaign", f"ads:campaigns:twin{n}", account_id="a", campaign_id="2")
    stage(con, "ad_spend_daily", "ads:spend:twin", account_id="a", campaign_id="2")
    build(con)
    whole = ("ads:campaigns:1", "ads:ad_groups:11", "ads:ads:111")
    assert con.execute("SELECT campaign_key, ad_group_key, ad_key FROM golden.ad").fetchall() == [whole]
    assert con.execute("SELECT campaign_key, ad_group_key, ad_key FROM golden.lead").fetchall() == [whole]
    assert con.execute("SELECT spend_key, campaign_key, ad_group_key, ad_key FROM golden.ad_spend_daily ORDER BY 1").fetchall() == [
        ("ads:spend:other", None, None, None),
        ("ads:spend:s", *whole),
        ("ads:spend:twin", None, None, None),
    ]


def test_an_order_knows_where_it_came_from_by_its_source_or_by_its_landing_page(con: duckdb.DuckDBPyConnection) -> None:
    url = "https://x.io/?utm_source=a&utm_term=two+words&utm_content=%E4b&gclid=Cj0%2D1"
    order(con, "1", None, landing_url=url)
    order(con, "2", None, landing_url=url, utm_source="said", click_id_type="fbclid", click_id="fb.1")
    order(con, "3", None, landing_url="https://x.io/?gclid=&fbclid=I%20y")
    order(con, "4", None)
    build(con)
    rows = con.execute(
        "SELECT utm_source, utm_medium, utm_content, utm_term, click_id_type, click_id"
        " FROM golden.customer_order ORDER BY order_key"
    ).fetchall()
    assert rows == [
        ("a", None, "%E4b", "two words", "gclid", "Cj0-1"),
        ("said", None, "%E4b", "two words", "fbclid", "fb.1"),
        (None, None, None, None, "fbclid", "I y"),
        (None,) * 6,
    ]


def test_a_ticket_says_how_it_was_answered(con: duckdb.DuckDBPyConnection) -> None:
    stage(con, "ticket", "help:tickets:1", status="solved", first_reply_at=T0, reopen_count=2, satisfaction="good")
    build(con)
    assert con.execute("SELECT is_open, first_reply_at, reopen_count, satisfaction FROM golden.ticket").fetchall() == [
        (False, T0, 2, "good")
    ]


@pytest.mark.parametrize("table", ["customer_order", "order_line", "invoice", "payment", "refund", "ticket", "lead"])
@pytest.mark.parametrize("is_test", [False, True])
def test_whoever_a_fact_belongs_to_is_in_the_golden_table(con: duckdb.DuckDBPyConnection, table: str, is_test: bool) -> None:
    people(con, 1)
    stage(con, table, "shop:facts:1", party_record_key="shop:customers:1", is_test=is_test)
    con.execute("DELETE FROM staging.party_record")
    con.execute("UPDATE identity.customer_xref SET is_current = false, valid_to = ?", [T0])
    build(con)
    assert golden(con, "customer_id, status") == [("c_1", "retired")]
    assert con.execute(f"SELECT customer_id FROM golden.{table}").fetchall() == [("c_1",)]


def test_a_customer_whose_records_are_gone_stays_for_its_facts_without_values(con: duckdb.DuckDBPyConnection) -> None:
    stage_parties(con, [party("shop:customers:1", email="a@mail.org")])
    assign(con, {"c_1": ["shop:customers:1"]})
    order(con, "1", "shop:customers:1")
    con.execute("DELETE FROM staging.party_record")
    con.execute("UPDATE identity.customer_xref SET is_current = false, valid_to = ?", [T0])
    con.execute("UPDATE identity.customer_registry SET status = 'retired'")
    build(con)
    assert golden(con, "customer_id, status, full_name, email, source_record_count") == [("c_1", "retired", None, None, 0)]
    assert con.execute("SELECT customer_id FROM golden.customer_order").fetchall() == [("c_1",)]


def test_facts_of_a_merged_customer_follow_the_redirect(con: duckdb.DuckDBPyConnection) -> None:
    stage_parties(con, [party("shop:customers:1")])
    assign(con, {"c_1": ["shop:customers:1"]})
    con.execute("UPDATE identity.customer_registry SET status = 'merged', current_customer_id = 'c_2'")
    order(con, "1", "shop:customers:1")
    build(con)
    assert con.execute("SELECT customer_id FROM golden.customer_order").fetchall() == [("c_2",)]


@pytest.mark.parametrize(
    ("url", "source", "medium", "campaign"),
    [
        ("https://x.io/?utm_source=news%20letter&utm_medium=email&utm_campaign=may#top", "news letter", "email", "may"),
        ("https://x.io/a?b=1&gclid=abc", "google", "cpc", None),
        ("https://x.io/?fbclid=abc", "facebook", None, None),
        ("https://x.io/?msclkid=abc", "bing", "cpc", None),
        ("https://x.io/?utm_source=%E4&utm_campaign=100%", "%E4", None, "100%"),
        ("https://x.io/", None, None, None),
    ],
)
def test_acquisition_is_the_first_touch_that_names_a_source(
    con: duckdb.DuckDBPyConnection, url: str, source: str | None, medium: str | None, campaign: str | None
) -> None:
    stage_parties(con, [party("shop:customers:1")])
    assign(con, {"c_1": ["shop:customers:1"]})
    order(con, "1", "shop:customers:1", landing_url=url)
    order(con, "2", "shop:customers:1", landing_url="https://x.io/?utm_source=later", ordered_at=T0 + timedelta(days=9))
    build(con)
    expected = (source, medium, campaign) if source else ("later", None, None)
    assert golden(con, "acquisition_source, acquisition_medium, acquisition_campaign") == [expected]


def test_a_row_keeps_the_load_that_last_changed_it(con: duckdb.DuckDBPyConnection) -> None:
    stage_parties(con, [party("shop:customers:1", email="a@mail.org"), party("shop:customers:2", email="b@mail.org")])
    assign(con, {"c_1": ["shop:customers:1"], "c_2": ["shop:customers:2"]})
    order(con, "1", "shop:customers:1")
    build(con, "L1")
    _as_live(con)
    assert {table: (d.inserted, d.changed, d.removed) for table, d in build(con, "L2", live="live").items()} == dict.fromkeys(
        TABLES, (0, 0, 0)
    )
    con.execute("UPDATE staging.party_record SET email_norm = 'c@mail.org' WHERE record_key = 'shop:customers:2'")
    order(con, "2", "shop:customers:2")
    con.execute("DELETE FROM staging.customer_order WHERE order_key = 'shop:orders:1'")
    deltas = build(con, "L3", live="live")
    assert deltas["customer_order"] == TableDelta(rows=1, inserted=1, changed=0, removed=1)
    # c_1 lost its order, c_2 got another e-mail and an order
    assert deltas["customer"] == TableDelta(rows=2, inserted=0, changed=2, removed=0)
    assert con.execute("SELECT load_id FROM golden.customer_identifier WHERE id_value = 'a@mail.org'").fetchall() == [("L1",)]


def _as_live(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("ATTACH ':memory:' AS live")
    con.execute("CREATE SCHEMA live.golden")
    for table in TABLES:
        con.execute(f"CREATE TABLE live.golden.{table} AS FROM golden.{table}")


@given(st.permutations(range(4)))
@settings(max_examples=10, deadline=None)
def test_the_order_of_rows_does_not_matter(order_of_rows: list[int]) -> None:
    records = [
        party("shop:customers:1", email="a@mail.org"),
        party("shop:customers:2", email="b@mail.org"),
        party("bill:customers:1", email="b@mail.org", given_name="Anne"),
        party("bill:customers:2", email="a@mail.org", given_name="Anne"),
    ]
    made = warehouse()
    stage_parties(made, [records[i] for i in order_of_rows])
    assign(made, {"c_1": [record["key"] for record in records]})
    build(made)
    assert golden(made, "email, given_name") == [("a@mail.org", "Ann")]
    made.close()


def test_a_customer_is_found_by_any_key_and_shown_with_its_story(con: duckdb.DuckDBPyConnection) -> None:
    stage_parties(con, [party("shop:customers:1", email="Ann@Mail.org", phone="020 7946 0018"), party("help:users:9")])
    assign(con, {"c_1": ["shop:customers:1", "help:users:9"]})
    con.execute("INSERT INTO identity.customer_registry VALUES ('c_0', 'merged', 'c_1', 'help:users:9', 0, ?, 'run', NULL)", [T0])
    order(con, "1", "shop:customers:1", ordered_at=datetime(2026, 3, 4))  # noqa: DTZ001
    build(con)
    for key in ("c_1", "c_0", "shop:customers:1", "9", "ANN@mail.org", "+44 20 7946 0018"):
        assert find_customers(con, key) == ["c_1"], key
    assert find_customers(con, "020 7946 0018", region="GB") == ["c_1"]
    assert find_customers(con, "nobody@mail.org") == []
    card = customer_card(con, "c_1")
    assert card["customer"]["orders"] == 1
    assert [r["record_key"] for r in card["records"]] == ["help:users:9", "shop:customers:1"]
    assert [(e["kind"], e["fact_key"]) for e in card["timeline"]] == [("order", "shop:orders:1")]
    assert card["former_ids"] == ["c_0"]
