"""Xero: lists in numbered pages, ordered and filtered by the time of change, behind a refresh token that rotates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from connectors.sandbox.shelf import Object
from connectors.sandbox.wire import VendorApi
from connectors.sandbox.world import World
from connectors.sandbox.xero import SYSTEM
from connectors.sandbox.xero.api import XeroApi
from connectors.sandbox.xero.books import XeroBooks
from tests.connectors.conformance.counterpart import SandboxCounterpart
from tests.connectors.conformance.vendor import DAY, SEED
from tests.loopback import Reply, Request


class Xero(SandboxCounterpart):
    """What all lists have in common, and all documents.

    Class attributes:
        path: the list's name in path and body.
        key: its ID field.
    """

    type_name = "xero"
    bypass: ClassVar = {
        "child": "a record is read in one piece; the documents that tell of new customers are asked for in test_xero.py",
        "retention": "If-Modified-Since reaches back as far as there are records",
    }
    lookback = 300
    path: ClassVar[str]
    key: ClassVar[str]

    api: XeroApi

    def open_books(self, world: World) -> None:
        self.books = world.books["xero"] = XeroBooks(SEED)

    def make_api(self) -> VendorApi:
        return XeroApi(self.sandbox, strict_tokens=True)

    def settings(self) -> dict[str, Any]:
        for name, value in SYSTEM.env.items():
            self.monkeypatch.setenv(name, value)
        return {**SYSTEM.source, "base_url": self.server.base_url, "page_size": self.page_size}

    def invoice(self, at: int, status: str) -> Object:
        """An invoice to somebody who buys of us."""
        buyer = self.books.named("Buyer") or self.books.add_contact(at, {"Name": "Buyer"})
        return self.books.add_invoice(at, buyer["ContactID"], "ACCREC", "GBP", _lines("Repair"), {"Status": status})

    def touch(self, key: str) -> None:
        self.books.touch(key, self.time)

    def is_page(self, request: Request) -> bool:
        return request.path == f"/api.xro/2.0/{self.path}"

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body[self.path]
        return found

    def shifted(self, request: Request, seconds: int) -> Request:
        since = request.headers.get("if-modified-since")
        if since is None:
            return request
        moved = datetime.fromisoformat(since) + timedelta(seconds=seconds)
        return replace(request, headers={**request.headers, "if-modified-since": moved.isoformat()})

    def is_token(self, request: Request) -> bool:
        return request.path == "/connect/token"

    def end_access(self) -> None:
        self.api.tokens.end_access()

    def throttles(self) -> dict[str, Callable[[], Reply]]:
        problems = {
            "minute": lambda: Reply(b"", 429, {"retry-after": "7", "x-rate-limit-problem": "minute", "x-minlimit-remaining": "0"}),
            "concurrent, without a time": lambda: Reply(b"", 429, {"x-rate-limit-problem": "concurrent"}),
            "day, over soon": lambda: Reply(b"", 429, {"retry-after": "7", "x-rate-limit-problem": "day"}),
        }
        return {**super().throttles(), **problems}

    def forbidden(self) -> Reply:
        return Reply({"Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful"}, 403)

    def day(self) -> str:
        """Today, as documents are dated."""
        return f"/Date({self.time // DAY * DAY * 1_000}+0000)/"


class Contacts(Xero):
    """Contacts of an organisation."""

    stream, path, key = "contacts", "Contacts", "ContactID"
    bypass: ClassVar = {**Xero.bypass, "money": "contacts bear no amounts"}
    keep = frozenset({"ContactID"})
    mark_at = ("Name",)

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            return str(self.books.add_contact(at, {"Name": mark})["ContactID"])
        self.books.update_contact(at, key, {"Name": mark})
        return key

    def delete(self, key: str, at: int) -> None:
        self.books.forget(at, key)

    def merge(self, loser: str, winner: str) -> None:
        self.books.merge(self.time, loser, winner)


class Invoices(Xero):
    """Drafts of sales invoices, which alone may be deleted. What is on the first line is the mark."""

    stream, path, key = "invoices", "Invoices", "InvoiceID"
    bypass: ClassVar = {**Xero.bypass, "merge": "invoices are never merged into each other"}
    keep = frozenset({"InvoiceID"})
    mark_at = ("LineItems", 0, "Description")

    def write(self, key: str | None, mark: str, at: int) -> str:
        held = self.invoice(at, "DRAFT") if key is None else self.books.invoices.get(key)
        assert held is not None
        held["lines"] = _lines(mark)
        self.books.touch(held["InvoiceID"], at)
        return str(held["InvoiceID"])

    def delete(self, key: str, at: int) -> None:
        self.books.set_status(at, key, "DELETED")

    def priced(self, currency: str, amount: str) -> tuple[str, str, dict[str, Any]]:
        bill = {"InvoiceID": "1", "Type": "ACCREC", "CurrencyCode": currency, "Total": float(Decimal(amount)), "Date": self.day()}
        return "invoice", "total_amount", bill


class CreditNotes(Xero):
    """Credit notes to customers. What is on the first line is the mark."""

    stream, path, key = "credit_notes", "CreditNotes", "CreditNoteID"
    bypass: ClassVar = {**Xero.bypass, "merge": "credit notes are never merged into each other"}
    keep = frozenset({"CreditNoteID"})
    mark_at = ("LineItems", 0, "Description")

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            held = self.books.credit(at, self.invoice(at, "AUTHORISED")["InvoiceID"], 2)
        else:
            held = self.books.credit_notes.get(key)
        assert held is not None
        held["lines"] = _lines(mark)
        self.books.touch(held["CreditNoteID"], at)
        return str(held["CreditNoteID"])

    def delete(self, key: str, at: int) -> None:
        held = self.books.credit_notes.get(key)
        assert held is not None
        held["Status"] = "DELETED"
        self.books.touch(key, at)

    def priced(self, currency: str, amount: str) -> tuple[str, str, dict[str, Any]]:
        note = {"CreditNoteID": "1", "Type": "ACCRECCREDIT", "CurrencyCode": currency, "Total": float(Decimal(amount))}
        return "refund", "amount", {**note, "Date": self.day()}


class Payments(Xero):
    """Payments on invoices; the amount is the mark. At Xero it never changes; where it does here, it was paid anew."""

    stream, path, key = "payments", "Payments", "PaymentID"
    bypass: ClassVar = {**Xero.bypass, "merge": "payments are never merged into each other"}
    keep = frozenset({"PaymentID"})

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            held = self.books.pay(at, self.invoice(at, "AUTHORISED")["InvoiceID"], Decimal(1))
        else:
            held = self.books.payments.get(key)
        assert held is not None
        held["Amount"] = Decimal(mark.split()[1])
        self.books.touch(held["PaymentID"], at)
        return str(held["PaymentID"])

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        amount = payload.get("Amount")
        return f"Mark {int(amount):04d}" if isinstance(amount, int | float) else None

    def delete(self, key: str, at: int) -> None:
        self.books.delete_payment(at, key)

    def priced(self, currency: str, amount: str) -> tuple[str, str, dict[str, Any]]:
        paid = {"PaymentID": "1", "PaymentType": "ACCRECPAYMENT", "Amount": float(Decimal(amount)), "Date": self.day()}
        return "payment", "amount", {**paid, "Invoice": {"Type": "ACCREC", "InvoiceID": "2", "CurrencyCode": currency}}


def _lines(text: str) -> list[tuple[str, Decimal, Decimal]]:
    return [(text, Decimal("500.00"), Decimal(0))]


COUNTERPARTS = (Invoices, CreditNotes, Payments, Contacts)
