"""Xero: lists in numbered pages, ordered and filtered by the time of change, behind a refresh token that rotates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from connectors.sandbox.wire import VendorApi
from connectors.sandbox.xero import SYSTEM
from connectors.sandbox.xero.api import XeroApi
from tests.connectors.conformance.counterpart import SandboxCounterpart
from tests.loopback import Reply, Request


class Xero(SandboxCounterpart):
    """Contacts of an organisation."""

    type_name = "xero"
    stream = "contacts"
    bypass: ClassVar = {
        "child": "a contact is read in one piece; the documents that tell of new customers are asked for in test_xero.py",
        "retention": "If-Modified-Since reaches back as far as there are records",
    }
    lookback = 300
    keep = frozenset({"ContactID"})

    api: XeroApi

    def make_api(self) -> VendorApi:
        return XeroApi(self.sandbox, strict_tokens=True)

    def settings(self) -> dict[str, Any]:
        for name, value in SYSTEM.env.items():
            self.monkeypatch.setenv(name, value)
        return {**SYSTEM.source, "base_url": self.server.base_url, "page_size": self.page_size}

    def write(self, key: str | None, mark: str, at: int) -> str:
        books = self.sandbox.world.books["xero"]
        if key is None:
            return str(books.add_contact(at, {"Name": mark})["ContactID"])
        books.update_contact(at, key, {"Name": mark})
        return key

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        name = payload.get("Name")
        return name if isinstance(name, str) and name.startswith("Mark ") else None

    def delete(self, key: str, at: int) -> None:
        self.sandbox.world.books["xero"].forget(at, key)

    def merge(self, loser: str, winner: str) -> None:
        self.sandbox.world.books["xero"].merge(self.time, loser, winner)

    def touch(self, key: str) -> None:
        self.sandbox.world.books["xero"].touch(key, self.time)

    def is_page(self, request: Request) -> bool:
        return request.path == "/api.xro/2.0/Contacts"

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body["Contacts"]
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

    def priced(self, currency: str, amount: str) -> tuple[str, str, str, dict[str, Any]]:
        day = f"/Date({self.time // 86_400 * 86_400_000}+0000)/"
        bill = {"InvoiceID": "1", "Type": "ACCREC", "CurrencyCode": currency, "Total": float(Decimal(amount)), "Date": day}
        return "invoices", "invoice", "total_amount", bill


COUNTERPART = Xero
