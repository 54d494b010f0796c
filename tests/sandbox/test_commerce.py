"""What people do in the default world: money in the right units, statuses of every kind, nothing before its time."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox import Sandbox
from connectors.sandbox.money import EXPONENT, converted, minor_units, rounded
from connectors.sandbox.shopify_views import amount
from connectors.sandbox.world import World


@pytest.fixture(scope="module")
def world(default_world: Sandbox) -> World:
    return default_world.world


def test_money_comes_in_five_currencies_with_their_own_minor_units(world: World) -> None:
    charges = list(world.stripe.charges)
    currencies = Counter(c["currency"] for c in charges)
    assert {"usd", "eur", "gbp", "jpy", "kwd"} <= set(currencies)
    # a membership is 15 dollars: some 2,239 yen without decimals, 4.615 dinars in thousandths that end in 0
    yen = [line["amount"] for bill in world.stripe.invoices if bill["currency"] == "jpy" for line in bill["lines"]["data"]]
    assert min(yen) == 2_239
    dinars = [c["amount"] for c in charges if c["currency"] == "kwd"]
    assert all(value % 10 == 0 and value > 4_000 for value in dinars)


def test_invoices_add_up_and_end_in_every_way(world: World) -> None:
    bills = list(world.stripe.invoices)
    assert {b["status"] for b in bills} == {"draft", "open", "paid", "void", "uncollectible"}
    for bill in bills:
        assert bill["subtotal"] == sum(line["amount"] for line in bill["lines"]["data"])
        assert bill["amount_due"] == bill["amount_paid"] + bill["amount_remaining"] == bill["total"]
        assert (bill["amount_paid"] == bill["total"]) == (bill["status"] == "paid")
    paid = {p["invoice"]: p["payment"]["payment_intent"] for p in world.stripe.invoice_payments}
    charges = {c["payment_intent"]: c for c in world.stripe.charges}
    for bill in bills:
        if bill["status"] == "paid":
            charge = charges[paid[bill["id"]]]
            assert (charge["amount"], charge["currency"], charge["customer"]) == (bill["total"], bill["currency"], bill["customer"])


def test_some_charges_are_refunded_in_part_or_whole_and_some_fail(world: World) -> None:
    charges = list(world.stripe.charges)
    assert any(c["refunded"] and c["amount_refunded"] == c["amount"] for c in charges)
    assert any(0 < c["amount_refunded"] < c["amount"] for c in charges)
    assert any(c["status"] == "failed" and c["customer"] is None for c in charges)


def test_what_went_back_adds_up_charge_by_charge_and_a_whole_refund_of_an_invoice_is_credited(world: World) -> None:
    back = Counter[str]()
    for refund in world.stripe.refunds:
        assert refund["amount"] > 0
        back[refund["charge"]] += refund["amount"]
    assert back == {c["id"]: c["amount_refunded"] for c in world.stripe.charges if c["amount_refunded"]}
    paid = {p["payment"]["payment_intent"]: p["invoice"] for p in world.stripe.invoice_payments}
    whole = {paid[c["payment_intent"]] for c in world.stripe.charges if c["refunded"] and c["payment_intent"] in paid}
    assert {note["invoice"] for note in world.stripe.credit_notes} == whole
    assert whole


def test_nothing_happens_before_its_time(world: World) -> None:
    created = {c["id"]: c["created"] for c in world.stripe.customers}
    for bill in world.stripe.invoices:
        moments = bill["status_transitions"]
        assert created[bill["customer"]] <= bill["created"]
        assert bill["created"] < (moments["finalized_at"] or bill["created"] + 1)
        if moments["paid_at"]:
            assert moments["finalized_at"] < moments["paid_at"] < world.origin
    joined = {c["number"]: c["createdAt"] for c in world.shopify.customers}
    for order in world.shopify.orders:
        assert order["createdAt"] <= order["updatedAt"] < world.origin
        if order["customer"]:
            assert joined[order["customer"]] <= order["createdAt"]
    users = {u["id"]: u["created_at"] for u in world.zendesk.users}
    assert all(users[t["requester_id"]] <= t["created_at"] <= t["updated_at"] for t in world.zendesk.tickets)


def test_tickets_stand_in_every_status(world: World) -> None:
    assert {t["status"] for t in world.zendesk.tickets} == {"new", "open", "pending", "hold", "solved", "closed"}


def test_the_shop_has_test_orders_guests_refunds_and_cancellations(world: World) -> None:
    orders = list(world.shopify.orders)
    assert 1 <= sum(o["test"] for o in orders) <= 10
    assert sum(o["customer"] is None for o in orders) > 1_000
    assert {"PAID", "PENDING", "REFUNDED", "PARTIALLY_REFUNDED", "VOIDED"} <= {o["financial"] for o in orders}
    assert any(o["cancelledAt"] for o in orders)
    assert {o["currency"] for o in orders} == {"USD", "GBP", "EUR", "JPY"}
    for order in orders:
        assert order["total"] == order["subtotal"] + order["tax"] + order["shippingPrice"]


def test_an_account_in_the_shop_and_at_the_help_desk_has_an_email_of_its_own(world: World) -> None:
    for held in (world.shopify.customers, world.zendesk.users):
        emails = [record["email"] for record in held if record["email"]]
        assert len(emails) == len(set(emails))


@given(st.decimals(min_value=0, max_value=10**7, places=4), st.sampled_from(["USD", "EUR", "GBP", "JPY", "KWD"]))
def test_minor_units_are_whole_and_near_the_amount(value: Decimal, currency: str) -> None:
    units = minor_units(value, currency)
    step = Decimal(10 if currency == "KWD" else 1).scaleb(-EXPONENT.get(currency, 2))
    assert abs(Decimal(units).scaleb(-EXPONENT.get(currency, 2)) - value) <= step


@given(st.decimals(min_value=0, max_value=10**7, places=2), st.sampled_from(["USD", "EUR", "GBP", "JPY", "KWD"]))
def test_conversion_is_rounded_and_of_the_same_currency_changes_nothing(value: Decimal, currency: str) -> None:
    other = converted(value, "USD", currency)
    assert other == rounded(other, currency)
    assert converted(value, "USD", "USD") == value


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_shopify_amounts_read_back_as_the_same_decimal(value: Decimal) -> None:
    text = amount(value)
    assert Decimal(text) == value
    assert "." in text
    assert "E" not in text
