"""Stripe's books: customers, invoices, charges, refunds, credit notes, and the event that each change leaves behind.

Only what happens to the objects; how they are asked for over HTTP is stripe_api.py. Times are unix seconds, amounts minor units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.sandbox import stripe_credits as credits
from connectors.sandbox import stripe_objects as shapes
from connectors.sandbox.contacts import Contact
from connectors.sandbox.draw import token
from connectors.sandbox.shelf import Object, Shelf, snapshot

# the fields of a customer that may be written, and an invoice's by whoever pays it
WRITABLE = ("address", "description", "email", "metadata", "name", "phone", "preferred_locales", "shipping", "tax_exempt")

# these came later than the others and number their events by themselves
_ROWS = {name: name for name in ("invoice_payment", "refund", "credit_note")}


class StripeBooks:
    """Everything of one Stripe account.

    Args:
        remember_since: events before that time are not written down; they would be over 30 days old when anybody asks.
    """

    def __init__(self, seed: int, remember_since: int) -> None:
        self.seed, self._remember_since = seed, remember_since
        self.customers, self.invoices, self.charges = Shelf(), Shelf(), Shelf()
        self.invoice_payments, self.refunds, self.credit_notes, self.events = Shelf(), Shelf(), Shelf(), Shelf()
        self.tax_ids: dict[str, list[Object]] = {}
        self._counts: dict[str, int] = {}
        self._bills_of: dict[str, int] = {}
        self._paid_by: dict[str, str] = {}  # payment intent -> the invoice it paid

    def new_id(self, prefix: str, length: int, row: str = "") -> str:
        """The next ID with that prefix, out of a row of its own if need be, so that it moves no other's."""
        counted = prefix + row
        number = self._counts[counted] = self._counts.get(counted, 0) + 1
        return prefix + token(self.seed, counted, number, length)

    # customers ---------------------------------------------------------------------------------------------------

    def add_customer(self, at: int, fields: Object, request: Object | None = None) -> Object:
        """A new customer from any of the writable fields."""
        key = self.new_id("cus_", 14)
        made = shapes.customer(key, at, token(self.seed, "prefix", self._counts["cus_"], 8).upper())
        made.update({name: value for name, value in fields.items() if name in WRITABLE})
        self.customers.add(key, made)
        self._event(at, "customer.created", made, None, request)
        return made

    def add_contact(self, at: int, contact: Contact, metadata: Object) -> Object:
        """A new customer from what somebody told the checkout."""
        made = self.add_customer(
            at,
            {
                "name": contact.full_name,
                "email": contact.email,
                "phone": contact.phone,
                "address": shapes.address(contact.address),
                "preferred_locales": [contact.locale],
                "metadata": metadata,
            },
        )
        if contact.tax_id:
            self.tax_ids[made["id"]] = [self._tax_id(made["id"], contact.tax_id, at)]
        return made

    def _tax_id(self, customer: str, value: str, at: int) -> Object:
        return {
            "id": self.new_id("txi_1", 23),
            "object": "tax_id",
            "country": value[:2],
            "created": at,
            "customer": customer,
            "customer_account": None,
            "livemode": True,
            "owner": {"customer": customer, "customer_account": None, "type": "customer"},
            "type": "eu_vat",
            "value": value,
            "verification": {"status": "verified", "verified_address": None, "verified_name": None},
        }

    def update_customer(self, at: int, key: str, changes: Object, request: Object | None = None) -> Object:
        """Change writable fields; metadata is merged, and a key set to an empty string goes. Raises `KeyError`."""
        held = self._held(self.customers, key)
        changes = {name: value for name, value in changes.items() if name in WRITABLE}
        if "metadata" in changes:
            merged = {**held["metadata"], **(changes["metadata"] or {})}
            changes["metadata"] = {name: value for name, value in merged.items() if value != ""}
        self._amend(at, held, changes, request)
        return held

    def _amend(self, at: int, held: Object, changes: Object, request: Object | None = None) -> None:
        # whatever changes a customer, even Stripe itself, is told by an event
        previous = {name: _before(held[name], value) for name, value in changes.items() if held[name] != value}
        if previous:
            held.update(changes)
            self._event(at, "customer.updated", held, previous, request)

    def delete_customer(self, at: int, key: str, request: Object | None = None) -> Object:
        """Delete for good; invoices and charges stay. Raises `KeyError`."""
        gone = self._held(self.customers, key)
        self.customers.remove(key)
        self._event(at, "customer.deleted", gone, None, request)
        return {"id": key, "object": "customer", "deleted": True}

    # invoices ----------------------------------------------------------------------------------------------------

    def draft_invoice(self, at: int, customer: str, currency: str, lines: Sequence[tuple[str, int]], tax: int) -> Object:
        """A draft invoice of (description, amount) lines. Raises `KeyError` for a customer who is gone."""
        payer = self._held(self.customers, customer)
        key = self.new_id("in_1", 23)
        items = [shapes.line(self.new_id("il_1", 23), key, amount, currency, text, at) for text, amount in lines]
        bill = shapes.invoice(key, at, payer, currency, items, tax)
        bill["customer_tax_ids"] = [{"type": t["type"], "value": t["value"]} for t in self.tax_ids.get(customer, [])]
        self.invoices.add(key, bill)
        self._event(at, "invoice.created", bill)
        self._amend(at, payer, {"currency": payer["currency"] or currency.lower()})
        return bill

    def finalize(self, at: int, key: str, due_in: int | None) -> Object:
        """From draft to open. ``due_in`` seconds for one that is sent out, None for one that a card pays."""
        bill = self._held(self.invoices, key)
        payer = self.customers.get(bill["customer"])
        number = self._bills_of[bill["customer"]] = self._bills_of.get(bill["customer"], 0) + 1
        prefix = payer["invoice_prefix"] if payer else "DELETED"
        if payer:
            self._amend(at, payer, {"next_invoice_sequence": number + 1})
        bill.update(
            status="open",
            number=f"{prefix}-{number:04d}",
            effective_at=at,
            automatically_finalizes_at=None,
            hosted_invoice_url=f"https://pay.stripe.example/invoices/{key}",
            invoice_pdf=f"https://pay.stripe.example/invoices/{key}/pdf",
        )
        if due_in is not None:
            bill.update(collection_method="send_invoice", due_date=at + due_in, auto_advance=False, next_payment_attempt=None)
        bill["status_transitions"]["finalized_at"] = at
        self._event(at, "invoice.finalized", bill)
        return bill

    def pay(self, at: int, key: str, card: Object) -> Object:
        """From open to paid, by a charge. Returns the charge."""
        bill = self._held(self.invoices, key)
        payer = self.customers.get(bill["customer"])
        owner = {"customer": bill["customer"], "description": f"Payment for invoice {bill['number']}"}
        paid = self.add_charge(at, bill["total"], bill["currency"], billing_of(payer or {}), card, owner)
        link = self.new_id("inpay_1", 23)
        self.invoice_payments.add(link, shapes.invoice_payment(link, bill, paid["payment_intent"], at))
        self._paid_by[paid["payment_intent"]] = key
        self._event(at, "invoice_payment.paid", self._held(self.invoice_payments, link))
        bill.update(status="paid", amount_paid=bill["total"], amount_remaining=0, attempted=True, next_payment_attempt=None)
        bill["attempt_count"] += 1
        bill["status_transitions"]["paid_at"] = at
        self._event(at, "invoice.paid", bill)
        return paid

    def close_unpaid(self, at: int, key: str, status: str) -> Object:
        """From open to ``void`` or ``uncollectible``."""
        bill = self._held(self.invoices, key)
        bill.update(status=status, auto_advance=False, next_payment_attempt=None)
        moment, kind = {
            "void": ("voided_at", "invoice.voided"),
            "uncollectible": ("marked_uncollectible_at", "invoice.marked_uncollectible"),
        }[status]
        bill["status_transitions"][moment] = at
        self._event(at, kind, bill)
        return bill

    def delete_invoice(self, at: int, key: str, request: Object | None = None) -> Object:
        """Delete a draft. Raises `KeyError`; `ValueError` for an invoice that is no draft."""
        if self._held(self.invoices, key)["status"] != "draft":
            raise ValueError("only drafts can be deleted")
        self._event(at, "invoice.deleted", self.invoices.remove(key), None, request)
        return {"id": key, "object": "invoice", "deleted": True}

    # charges -----------------------------------------------------------------------------------------------------

    def add_charge(
        self,
        at: int,
        amount: int,
        currency: str,
        billing: Object,
        card: Object,
        owner: Object | None = None,
        declined: bool = False,
    ) -> Object:
        """A charge; ``owner`` has its customer and description, which a guest's lacks."""
        ids = {
            "payment_intent": self.new_id("pi_3", 23),
            "payment_method": self.new_id("pm_1", 23),
            "balance_transaction": self.new_id("txn_3", 23),
        }
        made = shapes.charge(self.new_id("ch_3", 23), at, amount, currency, ids, billing, card)
        made.update(owner or {}, receipt_email=billing["email"])
        if declined:
            made.update(status="failed", paid=False, captured=False, amount_captured=0, balance_transaction=None)
            made.update(failure_code="card_declined", failure_message="Your card was declined.", receipt_url=None)
            made["outcome"] = shapes.outcome("issuer_declined")
        self.charges.add(made["id"], made)
        self._event(at, "charge.failed" if declined else "charge.succeeded", made)
        return made

    def refund(self, at: int, key: str, amount: int) -> Object:
        """Give back part or all of a charge; an invoice that is paid back in full gets a credit note."""
        held = self._held(self.charges, key)
        before = {"amount_refunded": held["amount_refunded"], "refunded": held["refunded"]}
        back = min(held["amount"], held["amount_refunded"] + amount) - held["amount_refunded"]
        held["amount_refunded"] += back
        held["refunded"] = held["amount_refunded"] == held["amount"]
        made = credits.refund(self.new_id("re_3", 23), at, back, held, self.new_id("txn_3", 23, "refund"))
        self.refunds.add(made["id"], made)
        self._event(at, "charge.refunded", held, before)
        self._event(at, "refund.created", made)
        bill = self.invoices.get(self._paid_by.get(held["payment_intent"], ""))
        if bill and held["refunded"]:
            self._credit(at, bill, made)
        return held

    def _credit(self, at: int, bill: Object, refund: Object) -> None:
        note = credits.credit_note(self.new_id("cn_1", 23), at, bill, refund, self.new_id("cnli_1", 23))
        self.credit_notes.add(note["id"], note)
        self._event(at, "credit_note.created", note)
        before = {"post_payment_credit_notes_amount": bill["post_payment_credit_notes_amount"]}
        bill["post_payment_credit_notes_amount"] += note["amount"]
        self._event(at, "invoice.updated", bill, before, row="credit")

    # events ------------------------------------------------------------------------------------------------------

    def _event(
        self, at: int, kind: str, about: Object, previous: Object | None = None, request: Object | None = None, row: str = ""
    ) -> None:
        if at >= self._remember_since:
            key = self.new_id("evt_1", 23, row or _ROWS.get(about["object"], ""))
            came_from = request or {"id": None, "idempotency_key": None}
            self.events.add(key, shapes.event(key, at, kind, snapshot(about), snapshot(previous), came_from))

    @staticmethod
    def _held(shelf: Shelf, key: str) -> Object:
        held = shelf.get(key)
        if held is None:
            raise KeyError(key)
        return held


def _before(old: Any, new: Any) -> Any:
    """What an event tells of a value's past: of an object only the keys that changed, null for one that was not there."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {name: old.get(name) for name in {**old, **new} if old.get(name) != new.get(name)}
    return old


def billing_of(payer: Object) -> Object:
    """The billing details that a customer's card is charged with."""
    return billing(payer.get("name"), payer.get("email"), payer.get("phone"), payer.get("address"))


def billing(name: str | None, email: str | None, phone: str | None, address: Any) -> Object:
    """Billing details."""
    return {
        "address": address or dict(shapes.EMPTY_ADDRESS),
        "email": email,
        "name": name,
        "phone": phone,
        "tax_id": None,
    }
