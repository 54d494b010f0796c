"""Stripe's own Python client against the sandbox: what it takes for an answer of Stripe's is one."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from connectors.sandbox import SandboxHandle, credentials


def client(handle: SandboxHandle, key: str = credentials.STRIPE_API_KEY) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": handle.url("stripe")}, max_network_retries=0)


def test_it_pages_through_everything(shared: SandboxHandle) -> None:
    api = client(shared)
    counts = shared.state()["counts"]["stripe"]
    customers = list(api.v1.customers.list({"limit": 7}).auto_paging_iter())
    assert len({c.id for c in customers}) == len(customers) == counts["customers"]
    assert [c.created for c in customers] == sorted((c.created for c in customers), reverse=True)
    assert sum(1 for _ in api.v1.invoices.list({"limit": 100}).auto_paging_iter()) == counts["invoices"]
    assert sum(1 for _ in api.v1.charges.list({"limit": 100}).auto_paging_iter()) == counts["charges"]


def test_it_lists_what_went_back_and_finds_it_by_its_charge_or_invoice(shared: SandboxHandle) -> None:
    api = client(shared)
    refunds = list(api.v1.refunds.list({"limit": 3}).auto_paging_iter())
    notes = list(api.v1.credit_notes.list({"limit": 100}).auto_paging_iter())
    assert refunds
    assert notes
    for refund in refunds:
        charge = api.v1.charges.retrieve(str(refund.charge))
        back = api.v1.refunds.list({"charge": charge.id}).data
        assert sum(r.amount for r in back) == charge.amount_refunded
        assert refund.id in {r.id for r in back}
        assert (refund.currency, refund.customer) == (charge.currency, charge.customer)
    for note in notes:
        bill = api.v1.invoices.retrieve(str(note.invoice))
        assert [n.id for n in api.v1.credit_notes.list({"invoice": bill.id}).data] == [note.id]
        assert (note.amount, note.customer) == (bill.post_payment_credit_notes_amount, bill.customer)
        assert api.v1.refunds.retrieve(str(note.refunds[0].refund)).amount == note.amount


def test_it_finds_the_invoice_that_a_payment_intent_paid(shared: SandboxHandle) -> None:
    api = client(shared)
    charge = next(c for c in api.v1.charges.list({"limit": 100}).data if c.customer)
    payment: Any = {"type": "payment_intent", "payment_intent": str(charge.payment_intent)}
    (link,) = api.v1.invoice_payments.list({"payment": payment}).data
    assert link.payment.payment_intent == charge.payment_intent
    assert api.v1.invoices.retrieve(str(link.invoice)).customer == charge.customer
    assert api.v1.invoice_payments.retrieve(link.id).invoice == link.invoice


def test_it_pages_backwards(shared: SandboxHandle) -> None:
    api = client(shared)
    forwards = [c.id for c in api.v1.customers.list({"limit": 100}).auto_paging_iter()]
    backwards = [c.id for c in api.v1.customers.list({"limit": 10, "ending_before": forwards[-1]}).auto_paging_iter()]
    assert backwards == forwards[:-1][::-1]


def test_an_update_shows_in_the_object_and_as_an_event(fresh: SandboxHandle) -> None:
    api = client(fresh)
    known = next(c for c in api.v1.customers.list({"limit": 100}).data if c.metadata)
    api.v1.customers.update(known.id, {"metadata": {"common_customer_id": "c_abc"}, "email": "new@quickmail.example"})
    held = api.v1.customers.retrieve(known.id)
    assert (held.email, held.metadata["common_customer_id"]) == ("new@quickmail.example", "c_abc")
    assert held.metadata["signup"] == known.metadata["signup"]
    event = api.v1.events.list({"types": ["customer.updated"], "limit": 1}).data[0]
    assert event.data.object["id"] == known.id
    assert event.to_dict()["data"]["previous_attributes"] == {"email": known.email, "metadata": {"common_customer_id": None}}
    assert api.v1.events.retrieve(event.id).id == event.id


def test_create_and_delete_leave_a_deleted_stub_and_events(fresh: SandboxHandle) -> None:
    api = client(fresh)
    made = api.v1.customers.create({"name": "Zoë Ångström", "address": {"city": "Köln", "country": "DE"}})
    assert made.address is not None
    assert made.address.city == "Köln"
    assert api.v1.customers.delete(made.id).deleted is True
    assert api.v1.customers.retrieve(made.id).deleted is True
    assert made.id not in {c.id for c in api.v1.customers.list({"limit": 100}).auto_paging_iter()}
    kinds = [e.type for e in api.v1.events.list({"limit": 2}).data]
    assert kinds == ["customer.deleted", "customer.created"]


def test_refusals_are_the_errors_the_client_knows(shared: SandboxHandle) -> None:
    api = client(shared)
    with pytest.raises(stripe.InvalidRequestError) as missing:
        api.v1.customers.retrieve("cus_nobody")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError) as wide:
        api.v1.customers.list({"limit": 101})
    assert (wide.value.http_status, wide.value.param) == (400, "limit")
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided"):
        client(shared, "sk_test_not_the_sandbox_key").v1.customers.list()


def test_a_throttle_is_the_clients_rate_limit_error(fresh: SandboxHandle) -> None:
    fresh.fault("stripe", status=429, retry_after=1)
    with pytest.raises(stripe.RateLimitError):
        client(fresh).v1.customers.list()


def test_it_knows_whose_account_it_is(shared: SandboxHandle) -> None:
    assert client(shared).v1.accounts.retrieve_current().id == credentials.STRIPE_ACCOUNT
