"""Freshdesk's contacts: a list in alphabetical order, asked for by time of change and paged by number."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from connectors.sandbox.freshdesk.api import API_KEY, DOMAIN, FreshdeskApi
from connectors.sandbox.freshdesk.books import DELETED, FreshdeskBooks, iso
from connectors.sandbox.wire import VendorApi
from tests.connectors.conformance.counterpart import SandboxCounterpart, asked
from tests.loopback import Reply, Request


class Freshdesk(SandboxCounterpart):
    """What both streams of Freshdesk have in common."""

    type_name = "freshdesk"
    bypass: ClassVar = {
        "refresh_token": "an API key does not rotate",
        "retention": "the lists go back to the beginning",
        "merge": "a contact merged into another shows as deleted; into whom is not told",
        "money": "tickets bear no amounts",
    }
    lookback = 120
    page_size = 20  # the smallest that the settings admit: pages overlap by a few records
    since = "updated_since"

    @property
    def books(self) -> FreshdeskBooks:
        books: FreshdeskBooks = self.sandbox.world.books["freshdesk"]
        return books

    def tick(self, seconds: int = 1) -> None:
        super().tick(seconds * 60)  # lest the look-back of two minutes make good what paging loses

    def make_api(self) -> VendorApi:
        return FreshdeskApi(self.sandbox)

    def settings(self) -> dict[str, Any]:
        self.monkeypatch.setenv("FRESHDESK_API_KEY", API_KEY)
        return {
            "base_url": self.server.base_url,
            "domain": DOMAIN,
            "api_key": "${FRESHDESK_API_KEY}",
            "per_page": self.page_size,
        }

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body
        return found

    def shifted(self, request: Request, seconds: int) -> Request:
        given = request.query.get(self.since)
        if not given:
            return request
        moved = datetime.fromisoformat(given[0]) + timedelta(seconds=seconds)
        return asked(request, **{self.since: moved.strftime("%Y-%m-%dT%H:%M:%SZ")})

    def forbidden(self) -> Reply:
        return Reply({"code": "access_denied", "message": "You are not authorized to perform this action."}, 403)

    def unauthorised(self) -> Reply:
        return Reply({"code": "invalid_credentials", "message": "You have to be logged in to perform this action."}, 401)


class Contacts(Freshdesk):
    """Contacts of a Freshdesk account."""

    stream = "contacts"
    since = "_updated_since"

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            company = self.books.company(at, f"Company of {mark}", "company.example")
            return str(self.books.add_contact(at, {"name": mark, "company_id": company})["id"])
        self.books.update_contact(at, key, {"name": mark})
        return key

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        name = payload.get("name")
        return name if isinstance(name, str) and name.startswith("Mark ") else None

    def delete(self, key: str, at: int) -> None:
        self.books.set_state(at, key, DELETED)

    def touch(self, key: str) -> None:
        contact = self.books.contacts.get(key)
        assert contact is not None
        contact["updated_at"], self.books.stamp[key] = iso(self.time), self.time

    def is_page(self, request: Request) -> bool:
        return request.path == "/api/v2/contacts" and "state" not in request.query

    def child(self, request: Request) -> bool:
        return request.path.startswith("/api/v2/companies/")


COUNTERPART = Contacts
