"""Figures per customer and what a new customer costs: always from facts, never changed by the day alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.golden import TABLES
from hub.golden.lookup import customer_card
from tests.hub.golden.helpers import as_live, ask, build, customers, day, fact, one, order, rates, snapshot
from tests.hub.parties import T0, assign, warehouse

ANN, GUEST, BILL, HELP, LEAD = "shop:customers:1", "shop:orders:2", "bill:customers:9", "help:users:5", "ads:leads:7"
PAGE = "https://shop.example/?"
QUOTES = [(T0.date(), "EUR", "GBP", "0.8"), (T0.date(), "EUR", "USD", "1.25")]


def story(con: duckdb.DuckDBPyConnection) -> None:
    """Two people: Ann in every system, Ben with one cheap order and nothing else; January's campaign cost 30."""
    customers(con, {"c_ann": [ANN, GUEST, BILL, HELP, LEAD], "c_ben": ["shop:customers:2"]})
    fact(con, "ad_campaign", "ads:campaigns:1", campaign_id="1", campaign_name="Spring")
    for number, spend in enumerate(("10", "20")):
        spent = {"campaign_id": "1", "spend": Decimal(spend), "platform_conversions": 40.0}
        fact(con, "ad_spend_daily", f"ads:spend:{number}", date_day=day(number).date(), **spent)
    fact(con, "ad_spend_daily", "ads:spend:9", date_day=day(31).date(), campaign_id="9", spend=Decimal(7), currency="USD")
    fact(con, "lead", LEAD, LEAD, campaign_id="1", account_id="a", submitted_at=day(1))
    order(con, 1, ANN, ordered_at=day(4), gross_amount=Decimal("40"))
    order(con, 2, GUEST, ordered_at=day(2), gross_amount=Decimal("100"), currency="USD", refund_amount=Decimal("25"))
    order(con, 3, "shop:customers:2", ordered_at=day(3), gross_amount=Decimal("8"), landing_url=PAGE)
    fact(con, "invoice", "bill:invoices:1", BILL, amount_due=Decimal("4"))
    fact(con, "ticket", "help:tickets:1", HELP, status="solved", satisfaction="good", solved_at=day(6))
    fact(con, "ticket", "help:tickets:2", HELP, satisfaction="bad", opened_at=day(5))


def made(con: duckdb.DuckDBPyConnection, load: str = "L1", **options: Any) -> dict[str, Any]:
    return build(con, load, base_currency="EUR", max_age_days=60, quotes=rates(QUOTES), **options)


@pytest.fixture(scope="module")
def told() -> Iterator[duckdb.DuckDBPyConnection]:
    con = warehouse()
    story(con)
    made(con, now=day(9))
    yield con
    con.close()


def metric(con: duckdb.DuckDBPyConnection, columns: str, who: str = "c_ann") -> tuple[Any, ...]:
    (row,) = ask(con, f"SELECT {columns} FROM golden.customer_metrics WHERE customer_id = ?", who)
    return row


def test_value_is_net_of_refunds_in_the_base_currency(told: duckdb.DuckDBPyConnection) -> None:
    # 100 USD = 80 EUR, of which 20 went back; 40 GBP = 50 EUR
    columns = "orders, gross_base, refunds_base, ltv_base, aov_base, first_order_at, last_order_at, open_balance_base"
    assert metric(told, columns) == (2, 130, 20, 110, 65, day(2), day(4), 5)
    assert metric(told, "orders, ltv_base, open_balance_base, tickets, avg_csat", "c_ben") == (1, 10, 0, 0, None)


def test_tickets_and_touches(told: duckdb.DuckDBPyConnection) -> None:
    assert metric(told, "tickets, open_tickets, avg_csat, first_touch_channel, last_touch_channel") == (
        *(2, 1, 0.5, "paid_search", "paid_search"),
    )
    assert metric(told, "first_touch_channel, last_touch_channel", "c_ben") == ("direct", "direct")


def test_cost_per_customer_as_resolved(told: duckdb.DuckDBPyConnection) -> None:
    rows = ask(
        told,
        "SELECT date_month, platform, campaign_key, spend_base, new_customers, cac_base, new_revenue_base, ltv_to_date_base,"
        " unattributed_share FROM golden.acquisition_cost WHERE model = 'first_touch' ORDER BY ALL",
    )
    assert rows == [
        # Ann's guest order was her first; her account's order four days later acquired nobody
        (date(2026, 1, 1), "google_ads", "ads:campaigns:1", Decimal("37.5"), 1, Decimal("37.5"), 60, 110, 0.5),
        (date(2026, 1, 1), "none", "none", None, 1, None, 10, 10, 0.5),
        (date(2026, 2, 1), "google_ads", "unlisted:ads:a:9", Decimal("5.6"), 0, None, 0, 0, None),
    ]
    assert metric(told, "cac_base, ltv_cac_ratio") == (Decimal("37.5"), 2.9333)
    assert metric(told, "cac_base, ltv_cac_ratio", "c_ben") == (None, None)


def test_each_model_credits_every_new_customer_once(told: duckdb.DuckDBPyConnection) -> None:
    assert ask(told, "SELECT model, sum(new_customers) FROM golden.acquisition_cost GROUP BY 1 ORDER BY 1") == [
        ("first_touch", 2),
        ("last_non_direct", 2),
        ("linear", 2),
    ]


def test_a_sum_of_spend_that_lacks_a_part_is_not_given(con: duckdb.DuckDBPyConnection) -> None:
    story(con)
    con.execute("UPDATE staging.ad_spend_daily SET currency = 'JPY' WHERE spend_key = 'ads:spend:1'")
    made(con)
    january = ask(
        con,
        "SELECT spend_base, cac_base, unconverted_spend_rows FROM golden.acquisition_cost"
        " WHERE model = 'linear' AND campaign_key = 'ads:campaigns:1'",
    )
    assert january == [(None, None, 1)]
    assert ask(con, "SELECT fact, currency, facts, amount FROM golden.unconverted") == [("ad_spend_daily", "JPY", 1, 20)]


def test_orders_without_a_rate_are_counted_as_such(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_ann": [ANN]})
    order(con, 1, ANN)
    order(con, 2, ANN, currency="CHF")
    made(con)
    assert metric(con, "orders, ltv_base, aov_base, unconverted_facts") == (2, Decimal("12.5"), Decimal("12.5"), 1)


def test_without_a_base_currency_there_are_counts_but_no_sums(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_ann": [ANN]})
    order(con, 1, ANN)
    order(con, 2, ANN, currency="CHF")
    build(con)
    assert metric(con, "orders, ltv_base, aov_base, m_score, r_score, f_score") == (2, None, None, None, 1, 1)
    assert one(con, "SELECT order_net_by_currency FROM golden.customer_360") == {"CHF": Decimal(10), "GBP": Decimal(10)}


def test_scores_are_quintiles_and_equals_score_equally(con: duckdb.DuckDBPyConnection) -> None:
    keys = [f"shop:customers:{n}" for n in range(10)]
    customers(con, {f"c_{n}": [key] for n, key in enumerate(keys)} | {"c_none": ["shop:customers:none"]})
    for n, key in enumerate(keys):
        order(con, n, key, ordered_at=day(min(n, 7)), gross_amount=Decimal(max(n, 3)))
    order(con, "again", keys[0], ordered_at=day(-1), gross_amount=Decimal(1))
    build(con)
    rows = ask(con, "SELECT r_score, f_score, m_score, rfm_segment FROM golden.customer_metrics ORDER BY customer_id")
    assert rows == [
        (1, 5, 2, "at_risk"),
        (1, 1, 1, "lost"),
        (2, 1, 1, "hibernating"),
        (2, 1, 1, "hibernating"),
        (3, 1, 2, "needs_attention"),
        (3, 1, 3, "needs_attention"),
        (4, 1, 4, "new"),
        *[(4, 1, score, "new") for score in (4, 5, 5)],
        (None, None, None, None),
    ]


def test_a_day_that_only_went_by_changes_one_row(con: duckdb.DuckDBPyConnection) -> None:
    story(con)
    made(con, now=day(9))
    live = as_live(con)
    deltas = made(con, "L2", now=day(10), live=live)
    changed = {
        table: (d.inserted, d.changed, d.removed) for table, d in deltas.items() if (d.inserted, d.changed, d.removed) != (0, 0, 0)
    }
    assert changed == {"reporting": (1, 0, 1)}
    assert ask(con, "SELECT as_of_date, recency_days FROM golden.customer_360 WHERE customer_id = 'c_ann'") == [(day(10).date(), 6)]
    # a year after her order it leaves the figures of the last 365 days, and nothing else moves
    assert made(con, "L3", now=day(4 + 364), live=live)["customer_metrics"].changed == 2  # the orders of days 2 and 3
    assert metric(con, "frequency_365d, monetary_365d_base, orders, ltv_base") == (1, 50, 2, 110)
    made(con, "L3", now=day(4 + 365), live=live)
    assert metric(con, "frequency_365d, monetary_365d_base, orders, ltv_base") == (0, 0, 2, 110)


def test_the_timeline_tells_everything_once(told: duckdb.DuckDBPyConnection) -> None:
    entries = [(entry["kind"], entry["fact_key"]) for entry in customer_card(told, "c_ann")["timeline"]]
    assert entries == [
        ("invoice", "bill:invoices:1"),
        ("ticket_opened", "help:tickets:1"),
        ("lead", LEAD),
        ("order", "shop:orders:2"),
        ("order", "shop:orders:1"),
        ("ticket_opened", "help:tickets:2"),
        ("ticket_solved", "help:tickets:1"),
    ]
    assert one(told, "SELECT count(*) - count(DISTINCT interaction_key) FROM golden.interaction") == 0


def test_no_key_occurs_twice(told: duckdb.DuckDBPyConnection) -> None:
    for table, keys in TABLES.items():
        assert one(told, f"SELECT count(*) - count(DISTINCT ({', '.join(keys)})) FROM golden.{table}") == 0, table
    assert one(told, "SELECT count(*) FROM golden.customer_360") == one(told, "SELECT count(*) FROM golden.customer") == 2


def test_stale_contacts_and_completeness(told: duckdb.DuckDBPyConnection) -> None:
    assert ask(told, "FROM golden.stale_contact") == []
    assert ask(told, "SELECT records, filled, golden, filled_share FROM golden.completeness_report"
                     " WHERE source_system = 'shop' AND attribute = 'full_name'") == [(3, 3, 2, 1.0)]  # fmt: skip
    shares = ask(told, "SELECT source_system, filled FROM golden.completeness_report WHERE attribute = 'full_name' ORDER BY 1")
    assert shares == [("ads", 1), ("bill", 1), ("help", 1), ("shop", 3)]


def test_a_contact_is_stale_when_neither_customer_nor_source_was_heard_of(con: duckdb.DuckDBPyConnection) -> None:
    story(con)
    made(con, now=day(4 + 31), stale_after_days=30)
    # their records were last touched on the first day; Ann's last ticket is of day 5, Ben's order of day 3
    assert ask(con, "SELECT customer_id, days_since_activity FROM golden.stale_contact") == [("c_ben", 32)]
    con.execute("UPDATE staging.party_record SET email_norm = 'ben@mail.org', source_updated_at = ? WHERE record_key = 'shop:customers:2'", [day(20)])  # fmt: skip # noqa: E501
    made(con, now=day(4 + 31), stale_after_days=30)
    assert ask(con, "FROM golden.stale_contact") == []


OWNERS = ["shop:customers:1", "shop:customers:2", "shop:customers:3"]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 400), st.integers(1, 99_999), st.sampled_from(["GBP", "USD", "CHF"])),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=8, deadline=None)
def test_merging_moves_figures_and_unmerging_moves_them_back(orders: list[tuple[int, int, int, str]], shuffle: Any) -> None:
    con = warehouse()
    apart = {f"c_{n}": [key] for n, key in enumerate(OWNERS)}
    customers(con, apart)
    staged = list(enumerate(orders))
    shuffle.shuffle(staged)
    for number, (owner, at, cents, currency) in staged:
        refund = Decimal(cents // 3) / 100 if number % 2 else None
        order(con, number, OWNERS[owner], ordered_at=day(at), gross_amount=Decimal(cents) / 100, currency=currency,
              refund_amount=refund, landing_url=PAGE + "gclid=1" if number % 3 else None)  # fmt: skip
    quotes = rates([(T0.date(), "EUR", "GBP", "0.83"), (T0.date(), "EUR", "USD", "1.07")])

    def figures(load: str, live: str | None) -> dict[str, Any]:
        build(con, load, now=day(500), live=live, base_currency="EUR", max_age_days=1000, quotes=quotes)
        return snapshot(con)

    before = figures("L1", None)
    total = one(con, "SELECT sum(ltv_base) FROM golden.customer_metrics")
    live = as_live(con)
    assign(con, {"c_0": OWNERS[:2], "c_2": OWNERS[2:]})
    figures("L2", live)
    assert one(con, "SELECT sum(ltv_base) FROM golden.customer_metrics") == total
    assert one(con, "SELECT orders FROM golden.customer_metrics WHERE customer_id = 'c_0'") == sum(o[0] < 2 for o in orders)
    live = as_live(con)
    assign(con, apart)
    assert figures("L3", live) == before
    con.close()
