"""What users of other tools complain of, as far as it concerns facts and figures; docs/contributor.md lists all complaints."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from hub.contract.columns import MONEY
from hub.golden import TABLES
from tests.hub.golden.helpers import as_live, ask, build, customers, day, fact, one, order, rates, snapshot
from tests.hub.parties import T0, assign


def money(con: duckdb.DuckDBPyConnection, schema: str) -> list[tuple[Any, ...]]:
    """Rows of each fact table, and each amount in it, by source and currency."""
    return [
        (table, column, *row)
        for table, columns in MONEY.items()
        for column in columns
        for row in ask(
            con,
            f"SELECT source_system, currency, count(*), sum({column}) FROM {schema}.{table} GROUP BY ALL ORDER BY ALL",
        )
    ]


ACCOUNT, GUESTS = "shop:customers:1", [f"shop:orders:{n}" for n in (1, 2, 3)]


def test_guest_checkouts_do_not_make_new_customers(con: duckdb.DuckDBPyConnection) -> None:
    """Three guest orders and one of an account: lifetime value, and new or returning, are those of one customer."""
    customers(con, {"c_1": [ACCOUNT, *GUESTS]})
    for n, guest in enumerate(GUESTS, start=1):
        order(con, n, guest, ordered_at=day(n))
    order(con, 4, ACCOUNT, ordered_at=day(4))
    build(con)
    assert ask(con, "SELECT customer_id, customer_order_seq, new_vs_repeat FROM golden.customer_order ORDER BY ordered_at") == [
        ("c_1", 1, "new"),
        ("c_1", 2, "repeat"),
        ("c_1", 3, "repeat"),
        ("c_1", 4, "repeat"),
    ]
    assert ask(con, "SELECT orders, ltv_base FROM golden.customer_360") == [(4, 40)]
    assert money(con, "golden") == money(con, "staging")


def test_a_guest_checkout_of_an_old_customer_acquires_nobody(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [ACCOUNT, GUESTS[0]]})
    order(con, 4, ACCOUNT)
    order(con, 1, GUESTS[0], ordered_at=day(40), landing_url="https://shop.example/?gclid=1")
    build(con)
    assert ask(con, "SELECT date_month, new_customers FROM golden.acquisition_cost WHERE model = 'linear'") == [
        (date(2026, 1, 1), 1)
    ]


def test_nothing_fans_out(con: duckdb.DuckDBPyConnection) -> None:
    """Many lines and refunds an order, many records and tickets a customer, many ads a campaign: sums stay what they are."""
    customers(con, {"c_1": [ACCOUNT, *GUESTS, "mall:customers:1", "bill:customers:1", "help:users:1"]})
    fact(con, "ad_campaign", "ads:campaigns:1", campaign_id="1", campaign_name="Spring")
    # a second shop, with an order of the same number
    fact(con, "customer_order", "mall:orders:1", "mall:customers:1", ordered_at=day(-1), gross_amount=Decimal(7), currency="EUR")
    fact(con, "order_line", "mall:orders:1:a", order_id="1", line_no="a", currency="EUR", net_amount=Decimal(7))
    for n in range(3):
        order(con, n, ACCOUNT, ordered_at=day(n), refund_amount=Decimal(2), landing_url="https://shop.example/?gclid=1&utm_id=1")
        for line in "abc":
            key = f"shop:orders:{n}:{line}"
            fact(
                con,
                "order_line",
                key,
                source_record_id=str(n),
                order_id=str(n),
                line_no=line,
                currency="GBP",
                net_amount=Decimal(3),
            )
            fact(con, "refund", f"{key}r", source_record_id=str(n), order_id=str(n), refund_no=line, amount=Decimal("0.5"))
        fact(con, "invoice", f"bill:invoices:{n}", "bill:customers:1", amount_due=Decimal(1))
        fact(con, "payment", f"bill:payments:{n}", "bill:customers:1", invoice_id=str(n))
        fact(con, "ticket", f"help:tickets:{n}", "help:users:1")
        fact(con, "ad_group", f"ads:groups:{n}", account_id="a", campaign_id="1", ad_group_id=str(n))
        fact(con, "ad_spend_daily", f"ads:spend:{n}", campaign_id="1", ad_group_id=str(n))
    build(con, base_currency="GBP", quotes=rates([(day(-1).date(), "EUR", "GBP", "1")]))
    columns = "orders, gross_base, refunds_base, ltv_base, open_balance_base, tickets"
    assert ask(con, f"SELECT {columns} FROM golden.customer_360") == [(4, 37, 6, 31, 3, 3)]
    assert one(con, "SELECT sum(net_amount_base) FROM golden.order_line") == 34
    spent = ask(
        con,
        "SELECT campaign_key, spend_base, new_customers FROM golden.acquisition_cost WHERE model = 'first_touch' ORDER BY ALL",
    )
    assert spent == [("ads:campaigns:1", 30, 0), ("none", None, 1)]
    assert money(con, "golden") == money(con, "staging")
    by_source = "SELECT source_system, sum(net_amount_base) FROM golden.customer_order GROUP BY 1 ORDER BY 1"
    assert ask(con, by_source) == [("mall", 7), ("shop", 24)]
    for table, keys in TABLES.items():
        assert one(con, f"SELECT count(*) - count(DISTINCT ({', '.join(keys)})) FROM golden.{table}") == 0, table


def test_new_data_leaves_no_gaps_and_loads_one_by_one_equal_one_load_of_all(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [ACCOUNT], "c_2": ["shop:customers:2"]})
    segments = {"buyers": "orders > 0"}
    live = None
    for n in range(3):
        order(con, n, ACCOUNT if n % 2 else "shop:customers:2", ordered_at=day(n))
        build(con, f"L{n}", now=day(9), live=live, segments=segments)
        live = as_live(con)
    step_by_step = snapshot(con)
    build(con, "whole", now=day(9), segments=segments)
    assert snapshot(con) == step_by_step
    assert one(con, "SELECT count(*) FROM golden.customer_metrics WHERE first_order_at IS NULL OR ltv_base IS NULL") == 0


def test_a_merge_moves_the_history_in_the_same_load(con: duckdb.DuckDBPyConnection) -> None:
    apart = {"c_1": [ACCOUNT], "c_2": ["shop:customers:2"]}
    customers(con, apart)
    order(con, 1, ACCOUNT)
    order(con, 2, "shop:customers:2", ordered_at=day(1))
    fact(con, "ticket", "help:tickets:1", "shop:customers:2")
    fact(con, "invoice", "bill:invoices:1", "shop:customers:2")
    build(con)
    billed = money(con, "golden")
    assert billed == money(con, "staging")
    before = snapshot(con)
    assign(con, {"c_1": [ACCOUNT, "shop:customers:2"]})
    build(con, "L2", live=as_live(con))
    for table in ("customer_order", "ticket", "touchpoint", "interaction", "customer_metrics"):
        assert ask(con, f"SELECT DISTINCT customer_id FROM golden.{table}") == [("c_1",)], table
    assert ask(con, "SELECT orders, ltv_base, tickets FROM golden.customer_metrics") == [(2, 20, 1)]
    assert money(con, "golden") == billed
    assign(con, apart)
    build(con, "L3", live=as_live(con))
    assert snapshot(con) == before


def test_counters_are_never_added_to_counters(con: duckdb.DuckDBPyConnection) -> None:
    """Built again and again, merged or not, what is counted is the facts."""
    customers(con, {"c_1": [ACCOUNT, "shop:customers:2"]})
    order(con, 1, ACCOUNT)
    order(con, 2, "shop:customers:2")
    live = None
    for n in range(3):
        build(con, f"L{n}", live=live)
        live = as_live(con)
        assert ask(con, "SELECT orders, ltv_base FROM golden.customer_metrics") == [(2, 20)]
        assert money(con, "golden") == money(con, "staging")


def test_spend_that_no_url_or_campaign_explains_is_kept_and_the_share_is_shown(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [ACCOUNT], "c_2": ["shop:customers:2"], "c_3": ["shop:customers:3"], "c_4": ["shop:customers:4"]})
    fact(con, "ad_campaign", "ads:campaigns:1", campaign_id="1")
    fact(con, "ad_spend_daily", "ads:spend:1", campaign_id="1")
    fact(con, "ad_spend_daily", "ads:spend:2", campaign_id=None, spend=Decimal(5))
    # hard-deleted by its platform: the spend outlives the campaign
    fact(con, "ad_spend_daily", "ads:spend:3", campaign_id="gone", spend=Decimal(6))
    order(con, 1, ACCOUNT, landing_url="https://shop.example/?gclid=x&hsa_cam=1")
    order(con, 2, "shop:customers:2", landing_url="https://shop.example/?gclid=y")  # the platform is known, the campaign is not
    order(con, 3, "shop:customers:3", landing_url="https://shop.example/?utm_source=gogle&utm_campaign=misspelt")
    order(con, 4, "shop:customers:4")
    build(con)
    rows = ask(
        con,
        "SELECT platform, campaign_key, spend_base, new_customers, unattributed_share FROM golden.acquisition_cost"
        " WHERE model = 'last_non_direct' ORDER BY ALL",
    )
    assert rows == [
        ("google_ads", "ads:campaigns:1", 10, 1, 0.75),
        ("google_ads", "none", None, 1, 0.75),
        ("google_ads", "unlisted:ads:a", 5, 0, 0.75),
        ("google_ads", "unlisted:ads:a:gone", 6, 0, 0.75),
        ("none", "none", None, 2, 0.75),
    ]
    assert one(con, "SELECT sum(spend_base) FROM golden.acquisition_cost WHERE model = 'linear'") == 21
    assert money(con, "golden") == money(con, "staging")


def test_conversions_that_two_platforms_claim_are_never_added_up(con: duckdb.DuckDBPyConnection) -> None:
    """Both claim the one order; the cost is of the one customer it brought."""
    customers(con, {"c_1": [ACCOUNT]})
    for source, platform in (("ads", "google_ads"), ("meta", "meta")):
        fact(con, "ad_campaign", f"{source}:campaigns:1", platform=platform, campaign_id="1")
        fact(con, "ad_spend_daily", f"{source}:spend:1", platform=platform, campaign_id="1", platform_conversions=1.0)
    order(con, 1, ACCOUNT, landing_url="https://shop.example/?utm_source=facebook&utm_medium=cpc&utm_id=1")
    build(con)
    for model in ("first_touch", "last_non_direct", "linear"):
        assert one(con, "SELECT sum(new_customers) FROM golden.acquisition_cost WHERE model = ?", model) == 1
    claims = "SELECT table_name FROM duckdb_columns() WHERE schema_name = 'golden' AND column_name ILIKE '%conversion%'"
    assert {row[0] for row in ask(con, claims)} == {"ad_spend_daily"}


def test_days_are_cut_in_the_accounts_zone_and_the_zone_is_told(con: duckdb.DuckDBPyConnection) -> None:
    fact(con, "ad_campaign", "ads:campaigns:1", campaign_id="1", timezone="America/New_York")
    fact(con, "ad_spend_daily", "ads:spend:1", campaign_id="1", date_day=date(2026, 1, 31))
    build(con)
    query = "SELECT s.date_day, c.timezone FROM golden.ad_spend_daily s JOIN golden.ad_campaign c USING (campaign_key)"
    assert ask(con, query) == [(date(2026, 1, 31), "America/New_York")]
    assert ask(con, "SELECT DISTINCT date_month FROM golden.acquisition_cost") == [(date(2026, 1, 1),)]


def test_amounts_of_two_currencies_are_never_added_up_as_if_they_were_one(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [ACCOUNT]})
    order(con, 1, ACCOUNT, currency="EUR", gross_amount=Decimal(10))
    order(con, 2, ACCOUNT, currency="JPY", gross_amount=Decimal(1000))

    def value(**options: Any) -> Any:
        build(con, **options)
        return one(con, "SELECT ltv_base FROM golden.customer_metrics")

    assert value() is None
    assert value(base_currency="EUR", quotes=rates([(T0.date(), "EUR", "JPY", "200")])) == 15


@pytest.mark.all_cores
def test_a_second_build_gives_the_same_bytes(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [ACCOUNT, *GUESTS], "c_2": ["shop:customers:2"]})
    for n in range(6):
        order(
            con, n, GUESTS[n % 3] if n % 2 else "shop:customers:2", landing_url="https://shop.example/?gclid=1" if n % 3 else None
        )
        fact(con, "lead", f"ads:leads:{n}", ACCOUNT)

    build(con)
    first = snapshot(con)
    con.execute("SET threads = 1")
    build(con)
    assert snapshot(con) == first
    # loaded in the other order
    for table in ("customer_order", "lead"):
        con.execute(f"CREATE OR REPLACE TEMP TABLE turned AS FROM staging.{table} ORDER BY source_record_id DESC")
        con.execute(f"DELETE FROM staging.{table}")
        con.execute(f"INSERT INTO staging.{table} FROM turned")
    build(con)
    assert snapshot(con) == first
