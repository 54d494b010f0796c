"""Stripe: lists that cannot be filtered by change, and a feed of events that is kept for 30 days."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, ClassVar

from connectors.sandbox import credentials
from connectors.sandbox.commerce import card
from connectors.sandbox.shelf import Object, Shelf
from connectors.sandbox.stripe_api import StripeApi
from connectors.sandbox.stripe_books import StripeBooks
from connectors.sandbox.wire import VendorApi
from connectors.sandbox.world import World
from tests.connectors.conformance.counterpart import SandboxCounterpart
from tests.connectors.conformance.vendor import DAY, NOW, SEED, asked
from tests.loopback import Reply, Request

_MINOR = {"JPY": 1, "KWD": 1000}


class Stripe(SandboxCounterpart):
    """What all streams have in common. The mark stands in an object's metadata.

    Class attributes:
        noun: an object's own name, with which its events begin.
        amount_at: the field of an object with its amount, and the staging table and column it goes to.
    """

    type_name = "stripe"
    bypass: ClassVar = {
        "refresh_token": "an API key does not rotate",
        "empty_page": "the next page is asked for by this one's last record; an empty page that promises more is a clear error",
        "child": "an object is read with the right to its list",
        "touch": "Stripe raises no event for an update that changes nothing",
        "merge": "Stripe merges no objects",
    }
    lookback = 300
    mark_at = ("metadata", "mark")
    noun: ClassVar[str]
    amount_at: ClassVar[tuple[str, str, str]]

    def open_books(self, world: World) -> None:
        world.stripe = self.books = StripeBooks(SEED, NOW - 30 * DAY)

    def make_api(self) -> VendorApi:
        self.monkeypatch.setattr("connectors.invoicing.stripe.PAGE", self.page_size)
        return StripeApi(self.sandbox)

    def settings(self) -> dict[str, Any]:
        self.monkeypatch.setenv("STRIPE_API_KEY", credentials.STRIPE_API_KEY)
        return {"base_url": self.server.base_url, "api_key": "${STRIPE_API_KEY}"}

    @property
    def shelf(self) -> Shelf:
        """Where the stream's objects are kept."""
        found: Shelf = getattr(self.books, self.stream)
        return found

    @abstractmethod
    def make(self, at: int) -> Object:
        """A new object of the stream."""

    def write(self, key: str | None, mark: str, at: int) -> str:
        held = self.make(at) if key is None else self.shelf.get(key)
        assert held is not None
        held["metadata"] = {"mark": mark}
        if key is not None:
            self.books._event(at, f"{self.noun}.updated", held, {"metadata": {}})
        return str(held["id"])

    def bill(self, at: int) -> Object:
        """A draft for somebody who buys of us."""
        buyer = next(iter(self.books.customers), None) or self.books.add_customer(at, {"name": "Buyer"})
        return self.books.draft_invoice(at, buyer["id"], "usd", [("Repair", 10_000)], 0)

    def paid(self, at: int) -> Object:
        """A charge that paid an invoice."""
        bill = self.books.finalize(at, self.bill(at)["id"], None)
        return self.books.pay(at, bill["id"], card(Random(1)))

    def is_page(self, request: Request) -> bool:
        return request.path.startswith(f"/v1/{self.stream}")

    def refused(self, request: Request) -> bool:
        return request.path.startswith((f"/v1/{self.stream}", "/v1/events"))

    def records_in(self, body: Any) -> list[Any]:
        return list(body["data"]) if "data" in body else [body]

    def shifted(self, request: Request, seconds: int) -> Request:
        since = request.query.get("created[gte]")
        return asked(request, **{"created[gte]": str(int(since[0]) + seconds)}) if since else request

    def forbidden(self) -> Reply:
        return Reply({"error": {"type": "invalid_request_error", "message": "The provided key does not have access"}}, 403)

    def expired(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        away = timedelta(days=40)
        checked = datetime.fromisoformat(checkpoint["checked"]) - away
        events = self.books.events
        for event in list(events):
            events.remove(event["id"])  # the feed forgets
        return {**checkpoint, "watermark": checkpoint["watermark"] - int(away.total_seconds()), "checked": checked.isoformat()}

    def priced(self, currency: str, amount: str) -> tuple[str, str, dict[str, Any]]:
        field, table, column = self.amount_at
        minor = int(Decimal(amount) * _MINOR.get(currency, 100))
        return table, column, {"id": "1", "currency": currency.lower(), field: minor, "created": self.time, "customer": "c"}


class Customers(Stripe):
    """Customers of a Stripe account."""

    stream, noun = "customers", "customer"
    bypass: ClassVar = {**Stripe.bypass, "money": "customers bear no amounts"}

    def make(self, at: int) -> Object:
        return self.books.add_customer(at, {"name": "Somebody"})

    def delete(self, key: str, at: int) -> None:
        self.books.delete_customer(at, key)


class Invoices(Stripe):
    """Drafts, which alone may be deleted."""

    stream, noun, amount_at = "invoices", "invoice", ("total", "invoice", "total_amount")

    def make(self, at: int) -> Object:
        return self.bill(at)

    def delete(self, key: str, at: int) -> None:
        self.books.delete_invoice(at, key)


class Charges(Stripe):
    """Charges that paid invoices, which another list says of each."""

    stream, noun, amount_at = "charges", "charge", ("amount", "payment", "amount")
    bypass: ClassVar = {
        **Stripe.bypass,
        "child": "without the right to invoice payments reading fails, and names the setting that does without (test_stripe.py)",
        "deletes": "a charge is never deleted, which the stream declares",
    }

    def make(self, at: int) -> Object:
        return self.paid(at)


class Refunds(Stripe):
    """Parts of charges that went back."""

    stream, noun, amount_at = "refunds", "refund", ("amount", "refund", "amount")
    bypass: ClassVar = {**Stripe.bypass, "deletes": "a refund that is cancelled stays and says so, which the stream declares"}
    back: ClassVar[int] = 100

    def make(self, at: int) -> Object:
        self.books.refund(at, self.paid(at)["id"], self.back)
        return next(self.shelf.older(None))


class CreditNotes(Refunds):
    """Credit notes on invoices that were paid back whole."""

    stream, noun = "credit_notes", "credit_note"
    bypass: ClassVar = {**Stripe.bypass, "deletes": "a credit note that is voided stays and says so, which the stream declares"}
    back = 10_000


COUNTERPARTS = (Invoices, Charges, Refunds, CreditNotes, Customers)
