"""Facts: what counts, what is taken off once, and whose a fact stays."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hub.golden.helpers import as_live, ask, build, customers, day, fact, one, order, rates
from tests.hub.parties import T0, assign, warehouse

ANN = "shop:customers:1"


def net(con: duckdb.DuckDBPyConnection, id_: int = 1) -> Any:
    return one(con, "SELECT net_amount FROM golden.customer_order WHERE source_record_id = ?", str(id_))


def test_tests_cancelled_orders_and_drafts_are_kept_but_do_not_count(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [ANN]})
    order(con, 1, ANN, status="cancelled")
    order(con, 2, ANN, ordered_at=day(1), status="paid")
    order(con, 3, ANN, ordered_at=day(2), is_test=True)
    order(con, 4, ANN, ordered_at=day(3), status=None)
    for number, status in enumerate(("draft", "void", "open", "paid", None)):
        fact(con, "invoice", f"bill:invoices:{number}", ANN, status=status, amount_due=Decimal(3))
    build(con)
    assert ask(
        con, "SELECT source_record_id, is_counted, customer_order_seq, new_vs_repeat FROM golden.customer_order ORDER BY 1"
    ) == [
        ("1", False, None, None),
        ("2", True, 1, "new"),  # the cancelled order before it made nobody a customer
        ("3", False, None, None),
        ("4", True, 2, "repeat"),
    ]
    assert ask(con, "SELECT status, is_counted FROM golden.invoice ORDER BY invoice_key") == [
        ("draft", False),
        ("void", False),
        ("open", True),
        ("paid", True),
        (None, True),
    ]
    assert ask(con, "SELECT orders, ltv_base, open_balance_base FROM golden.customer_metrics") == [(2, 20, 3)]
    assert ask(con, "SELECT orders, invoices, open_invoices FROM golden.customer_360") == [(2, 3, 1)]


@pytest.mark.parametrize(
    ("told", "refunds", "expected"),
    [
        (None, [], "10"),
        ("4", [], "6"),
        ("4", ["4"], "6"),  # the order and its refund speak of the same money
        ("4", ["1", "3"], "6"),
        (None, ["1", "3"], "6"),
        ("4", ["4", "2"], "4"),  # a late refund that the order does not know of yet
        ("0", ["2"], "8"),
        ("10", ["10"], "0"),
    ],
)
def test_a_refund_is_taken_off_once(con: duckdb.DuckDBPyConnection, told: str | None, refunds: list[str], expected: str) -> None:
    customers(con, {"c_1": [ANN]})
    order(con, 1, ANN, refund_amount=told and Decimal(told))
    for number, amount in enumerate(refunds):
        fact(con, "refund", f"shop:refunds:{number}", ANN, order_id="1", amount=Decimal(amount), refunded_at=day(number))
    build(con)
    assert net(con) == Decimal(expected)
    assert ask(con, "SELECT gross_base, refunds_base, ltv_base FROM golden.customer_metrics") == [
        (10, 10 - Decimal(expected), Decimal(expected))
    ]
    # what the source said stays as it said it
    assert one(con, "SELECT refund_amount FROM golden.customer_order") == (told and Decimal(told))


def test_refunds_that_failed_or_only_lower_a_claim_take_nothing_off(con: duckdb.DuckDBPyConnection) -> None:
    order(con, 1)
    for number, values in enumerate(
        ({"status": "failed"}, {"refund_type": "credit_note"}, {"is_test": True}, {"status": "cancelled"})
    ):
        fact(con, "refund", f"shop:refunds:{number}", order_id="1", **values)
    build(con)
    assert net(con) == 10
    assert one(con, "SELECT count(*) FILTER (is_counted) FROM golden.refund") == 0


def test_what_a_refund_is_taken_off_is_said(con: duckdb.DuckDBPyConnection) -> None:
    order(con, 1)
    fact(con, "invoice", "shop:invoices:i")
    fact(con, "payment", "shop:payments:p", invoice_id="i")
    fact(con, "refund", "shop:refunds:1", order_id="1", payment_id="p")
    fact(con, "refund", "shop:refunds:2", payment_id="p")
    fact(con, "refund", "shop:refunds:3", invoice_id="i")
    fact(con, "refund", "shop:refunds:4")
    fact(con, "refund", "shop:refunds:5", order_id="unknown")
    build(con)
    assert ask(con, "SELECT taken_off FROM golden.refund ORDER BY refund_key") == [
        ("order",),
        ("payment",),
        ("invoice",),
        ("customer",),
        (None,),
    ]


def test_a_refund_that_names_nothing_is_its_customers_where_orders_tell_of_no_refunds(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [ANN], "c_2": ["bill:customers:2"]})
    order(con, 1, ANN)
    fact(con, "refund", "shop:refunds:1", ANN, amount=Decimal(3))
    # the billing system's refund of what the shop sold is not taken off a second time
    fact(con, "refund", "bill:refunds:1", ANN, amount=Decimal(3))
    build(con)
    assert ask(con, "SELECT gross_base, refunds_base, ltv_base FROM golden.customer_metrics ORDER BY 1 DESC") == [
        (10, 3, 7),
        (0, 0, 0),
    ]
    con.execute("UPDATE staging.customer_order SET refund_amount = 3")
    build(con)
    assert ask(con, "SELECT refunds_base FROM golden.customer_metrics WHERE customer_id = 'c_1'") == [(3,)]


def test_a_refund_in_another_currency_counts_at_the_rates_of_the_orders_day(con: duckdb.DuckDBPyConnection) -> None:
    order(con, 1)
    fact(con, "refund", "shop:refunds:1", order_id="1", currency="USD", amount=Decimal(5), refunded_at=day(3))
    quotes = rates([(T0.date(), "GBP", "EUR", "1.2"), (T0.date(), "USD", "EUR", "0.96"), (day(3).date(), "USD", "EUR", "2")])
    build(con, base_currency="EUR", quotes=quotes)
    assert ask(con, "SELECT refunded_amount, net_amount, net_amount_base FROM golden.customer_order") == [(4, 6, Decimal("7.2"))]
    assert one(con, "SELECT amount_base FROM golden.refund") == 10


def test_an_order_given_back_in_full_is_worth_nothing_though_rates_moved(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [ANN]})
    order(con, 1, ANN)
    fact(con, "refund", "shop:refunds:1", order_id="1", amount=Decimal(10), refunded_at=day(5))
    build(con, base_currency="EUR", quotes=rates([(T0.date(), "GBP", "EUR", "1.2"), (day(5).date(), "GBP", "EUR", "1.5")]))
    assert one(con, "SELECT ltv_base FROM golden.customer_metrics") == 0


@pytest.mark.parametrize("names_now", [None, "shop:orders:1"])
def test_an_order_keeps_its_customer_when_the_account_is_deleted(con: duckdb.DuckDBPyConnection, names_now: str | None) -> None:
    """The shop forgets whose the order was, or says that it was a guest's."""
    customers(con, {"c_1": [ANN, "bill:customers:1"]})
    order(con, 1, ANN)
    fact(con, "invoice", "bill:invoices:1", "bill:customers:1")
    build(con)
    for load in ("L2", "L3"):
        live = as_live(con)
        con.execute("UPDATE staging.customer_order SET party_record_key = ?", [names_now])
        con.execute("DELETE FROM staging.party_record WHERE record_key = ?", [ANN])
        con.execute("UPDATE identity.customer_xref SET is_current = false, valid_to = ? WHERE record_key = ?", [day(1), ANN])
        build(con, load, live=live)
        assert ask(con, "SELECT customer_id, party_record_key FROM golden.customer_order") == [("c_1", ANN)]
        assert one(con, "SELECT orders FROM golden.customer_metrics WHERE customer_id = 'c_1'") == 1


def test_an_order_that_its_source_takes_from_an_account_that_lives_is_taken(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [ANN]})
    order(con, 1, ANN)
    build(con)
    live = as_live(con)
    con.execute("UPDATE staging.customer_order SET party_record_key = NULL")
    build(con, "L2", live=live)
    assert one(con, "SELECT customer_id FROM golden.customer_order") is None


def test_a_record_that_its_source_merged_brings_its_facts_along(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [ANN], "c_2": ["shop:customers:2"]})
    order(con, 1, ANN)
    order(con, 2, "shop:customers:2", ordered_at=day(1))
    build(con)
    assert ask(con, "SELECT customer_id, customer_order_seq FROM golden.customer_order ORDER BY 1") == [("c_1", 1), ("c_2", 1)]
    assign(con, {"c_1": [ANN, "shop:customers:2"]})  # as the crosswalk follows the survivor
    build(con)
    assert ask(con, "SELECT customer_id, customer_order_seq FROM golden.customer_order ORDER BY 2") == [("c_1", 1), ("c_1", 2)]


@given(
    st.lists(
        st.tuples(
            st.integers(1, 99_999),  # cents
            st.one_of(st.none(), st.integers(0, 50_000)),
            st.lists(st.integers(1, 30_000), max_size=3),
            st.sampled_from(["GBP", "JPY", "USD"]),
        ),
        max_size=8,
    )
)
@settings(max_examples=15, deadline=None)
def test_no_refund_is_lost_or_counted_twice(orders: list[tuple[int, int | None, list[int], str]]) -> None:
    con = warehouse()
    expected: dict[str, Decimal] = {}
    for number, (gross, told, refunds, currency) in enumerate(orders):
        refunded = [Decimal(cents) / 100 for cents in refunds]
        told_amount = None if told is None else Decimal(told) / 100
        order(con, number, gross_amount=Decimal(gross) / 100, refund_amount=told_amount, currency=currency)
        for n, amount in enumerate(refunded):
            fact(con, "refund", f"shop:orders:{number}:{n}", source_record_id=str(number), order_id=str(number), amount=amount,
                 currency=currency)  # fmt: skip
        expected[str(number)] = Decimal(gross) / 100 - max(told_amount or Decimal(0), sum(refunded, Decimal(0)))
    build(con)
    assert dict(ask(con, "SELECT source_record_id, net_amount FROM golden.customer_order")) == expected
    con.close()
