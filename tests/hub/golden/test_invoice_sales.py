"""A hub without a shop: its revenue is what was paid of its invoices, less what went back, and no sale is counted twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from tests.hub.golden.helpers import as_live, ask, build, customers, day, fact, one, order, rates, snapshot
from tests.hub.parties import T0, assign

ANN, BEN = "bill:customers:1", "bill:customers:2"
COLUMNS = "orders, purchases, gross_base, refunds_base, ltv_base"


def invoice(con: duckdb.DuckDBPyConnection, id_: str, owner: str = ANN, source: str = "bill", **values: Any) -> None:
    """Stage an invoice of 100 GBP, paid if nothing else is said."""
    paid = {"status": "paid", "total_amount": Decimal(100), "amount_paid": Decimal(100), "amount_due": Decimal(0)}
    fact(con, "invoice", f"{source}:invoices:{id_}", owner, **paid | values)


def payment(con: duckdb.DuckDBPyConnection, id_: str, invoice_id: str | None, **values: Any) -> None:
    fact(con, "payment", f"bill:payments:{id_}", ANN, invoice_id=invoice_id, amount=Decimal(100), **values)


def refund(con: duckdb.DuckDBPyConnection, id_: str, amount: str, **values: Any) -> None:
    fact(con, "refund", f"bill:refunds:{id_}", ANN, amount=Decimal(amount), **values)


def worth(con: duckdb.DuckDBPyConnection, who: str = "c_ann") -> tuple[Any, ...]:
    (row,) = ask(con, f"SELECT {COLUMNS} FROM golden.customer_metrics WHERE customer_id = ?", who)
    return row


@pytest.fixture(autouse=True)
def people(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_ann": [ANN, "shop:customers:1"], "c_ben": [BEN]})


def test_what_was_paid_is_the_revenue_whatever_was_billed(con: duckdb.DuckDBPyConnection) -> None:
    invoice(con, "paid")
    invoice(con, "untold", amount_paid=None)
    invoice(con, "part", status="open", amount_paid=Decimal(40), amount_due=Decimal(60))
    invoice(con, "open", status="open", amount_paid=Decimal(0), amount_due=Decimal(100))
    invoice(con, "lost", status="uncollectible", amount_paid=Decimal(10))
    invoice(con, "draft", status="draft")
    invoice(con, "void", status="void")
    invoice(con, "test", is_test=True)
    build(con)
    assert worth(con) == (0, 4, 250, 0, 250)
    assert worth(con, "c_ben") == (0, 0, 0, 0, 0)
    sales = ask(con, "SELECT source_record_id, net_paid_base FROM golden.invoice WHERE is_sale ORDER BY ALL")
    assert sales == [("lost", 10), ("paid", 100), ("part", 40), ("untold", 100)]
    assert one(con, "SELECT open_balance_base FROM golden.customer_metrics WHERE customer_id = 'c_ann'") == 160
    assert ask(con, "SELECT invoice_sales FROM golden.reporting") == [(["bill"],)]


@pytest.mark.parametrize(
    ("invoiced", "facts", "expected"),
    [
        # a note before payment: less was paid, so nothing is left to take off
        ({"amount_paid": Decimal(70)}, [("note", "30", {"refund_type": "credit_note", "invoice_id": "1"})], (70, 0, 70)),
        # a note after payment whose money went back is told twice: as the note and as the refund of the payment
        (
            {},
            [
                ("note", "30", {"refund_type": "credit_note", "invoice_id": "1"}),
                ("back", "30", {"payment_id": "p"}),
            ],
            (100, 30, 70),
        ),
        # before and after
        (
            {"amount_paid": Decimal(70)},
            [("note", "30", {"refund_type": "credit_note", "invoice_id": "1"}), ("back", "20", {"payment_id": "p"})],
            (70, 20, 50),
        ),
        # the payment tells of it too
        ({"said": Decimal(30)}, [("back", "30", {"payment_id": "p"})], (100, 30, 70)),
        # a late refund is known to one alone
        ({"said": Decimal(30)}, [], (100, 30, 70)),
        ({"said": Decimal(30)}, [("back", "30", {"payment_id": "p"}), ("late", "5", {"payment_id": "p"})], (100, 35, 65)),
        # names the invoice, and not its payment
        ({}, [("back", "25", {"invoice_id": "1"})], (100, 25, 75)),
        # names nobody and nothing: a credit note paid out
        ({}, [("back", "25", {"reason": "credit_note"})], (100, 25, 75)),
        # what was paid too much was in no invoice
        ({}, [("back", "25", {"reason": "overpayment"})], (100, 0, 100)),
        ({}, [("back", "25", {"payment_id": "p", "status": "failed"})], (100, 0, 100)),
        # of a payment that is no invoice's: it is in no sale
        ({}, [("back", "25", {"payment_id": "other"})], (100, 0, 100)),
    ],
)
def test_credit_notes_and_refunds_are_taken_off_once(
    con: duckdb.DuckDBPyConnection,
    invoiced: dict[str, Any],
    facts: list[tuple[str, str, dict[str, Any]]],
    expected: tuple[int, int, int],
) -> None:
    said = invoiced.pop("said", None) if "said" in invoiced else None
    invoice(con, "1", **invoiced)
    payment(con, "p", "1", refund_amount=said)
    payment(con, "other", None)
    for id_, amount, values in facts:
        refund(con, id_, amount, **values)
    build(con)
    assert worth(con) == (0, 1, *expected)
    assert one(con, "SELECT sum(net_paid_base) FROM golden.invoice") == expected[2] + sum(
        Decimal(amount) for _, amount, values in facts if values.keys() == {"reason"} and values["reason"] == "credit_note"
    )


def test_a_shops_order_and_its_invoice_are_one_sale(con: duckdb.DuckDBPyConnection) -> None:
    order(con, 1, "shop:customers:1", gross_amount=Decimal(100))
    invoice(con, "1")
    payment(con, "p", "1")
    refund(con, "back", "30", payment_id="p")
    invoice(con, "2", BEN)
    build(con)
    assert worth(con) == (1, 1, 100, 0, 100)
    assert worth(con, "c_ben") == (0, 0, 0, 0, 0)
    assert ask(con, "SELECT count(*) FROM golden.invoice WHERE is_sale") == [(0,)]
    assert one(con, "SELECT sum(net_paid_base) FROM golden.invoice") == 170
    # a hub that sells by invoice besides its shop says so, and that these are no bills of orders
    build(con, invoice_sales=("bill",))
    assert worth(con) == (1, 2, 200, 30, 170)
    assert worth(con, "c_ben") == (0, 1, 100, 0, 100)


def test_a_test_order_makes_no_shop(con: duckdb.DuckDBPyConnection) -> None:
    order(con, 1, "shop:customers:1", is_test=True)
    invoice(con, "1")
    build(con)
    assert worth(con) == (0, 1, 100, 0, 100)


def test_a_second_system_may_hold_the_same_invoices_again_unless_somebody_says_that_it_does_not(
    con: duckdb.DuckDBPyConnection,
) -> None:
    invoice(con, "1", ANN, source="ads")
    invoice(con, "1", ANN)
    build(con)
    assert worth(con) == (0, 1, 100, 0, 100)  # bill stands before ads
    build(con, invoice_sales=("ads", "bill"))
    assert worth(con) == (0, 2, 200, 0, 200)
    assert ask(con, "SELECT invoice_sales FROM golden.reporting") == [(["ads", "bill"],)]
    build(con, invoice_sales=())
    assert worth(con) == (0, 0, 0, 0, 0)


def test_scores_and_recency_come_of_invoices_where_these_are_the_sales(con: duckdb.DuckDBPyConnection) -> None:
    invoice(con, "1", issued_at=day(1))
    invoice(con, "2", issued_at=day(5), paid_at=day(8))
    invoice(con, "3", BEN, issued_at=day(-400), total_amount=Decimal(9), amount_paid=Decimal(9))
    build(con, now=day(10))
    columns = (
        "first_purchase_at, last_purchase_at, recency_days, aov_base, frequency_365d, monetary_365d_base, r_score, f_score, m_score"
    )
    assert ask(con, f"SELECT {columns} FROM golden.customer_360 ORDER BY customer_id") == [
        (day(1), day(5), 5, 100, 2, 200, 3, 3, 3),
        (day(-400), day(-400), 410, 9, 0, 0, 1, 1, 1),
    ]
    assert ask(con, "SELECT orders, last_order_at FROM golden.customer_360 WHERE customer_id = 'c_ann'") == [(0, None)]


def test_an_invoice_given_back_in_full_is_worth_nothing_in_every_currency(con: duckdb.DuckDBPyConnection) -> None:
    quotes = rates([(T0.date(), "EUR", "GBP", "0.8"), (day(9).date(), "EUR", "GBP", "0.5"), (T0.date(), "EUR", "USD", "1.6")])
    invoice(con, "1")
    payment(con, "p", "1")
    refund(con, "back", "100", payment_id="p", refunded_at=day(9))
    invoice(con, "2", BEN)
    fact(con, "refund", "bill:refunds:usd", BEN, amount=Decimal(20), currency="USD", invoice_id="2")
    invoice(con, "3", BEN, currency="CHF")
    build(con, base_currency="EUR", max_age_days=60, quotes=quotes)
    assert worth(con) == (0, 1, 125, 125, 0)
    assert worth(con, "c_ben") == (0, 2, 125, Decimal("12.5"), Decimal("112.5"))
    assert ask(con, "SELECT customer_id, unconverted_facts FROM golden.customer_metrics ORDER BY 1") == [("c_ann", 0), ("c_ben", 1)]


def test_merging_adds_revenue_up_and_unmerging_takes_it_apart(con: duckdb.DuckDBPyConnection) -> None:
    invoice(con, "1")
    invoice(con, "2", BEN, total_amount=Decimal("33.33"), amount_paid=Decimal("33.33"))
    payment(con, "p", "1")
    refund(con, "back", "0.01", payment_id="p")
    build(con)
    before = snapshot(con)
    assign(con, {"c_ann": [ANN, BEN, "shop:customers:1"]})
    build(con, "L2", live=as_live(con))
    assert worth(con) == (0, 2, Decimal("133.33"), Decimal("0.01"), Decimal("133.32"))
    assign(con, {"c_ann": [ANN, "shop:customers:1"], "c_ben": [BEN]})
    build(con, "L3", live=as_live(con))
    assert snapshot(con) == before
