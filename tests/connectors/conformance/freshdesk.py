"""Freshdesk: lists that are asked for by time of change and paged by number; the one of contacts is in alphabetical order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from connectors.sandbox.freshdesk.api import API_KEY, DOMAIN, FreshdeskApi
from connectors.sandbox.freshdesk.books import DELETED, FreshdeskBooks, iso
from connectors.sandbox.wire import VendorApi
from connectors.sandbox.world import World
from tests.connectors.conformance.counterpart import SandboxCounterpart
from tests.connectors.conformance.vendor import DAY, OPENED, SEED, SandboxVendor, asked
from tests.loopback import Reply, Request


class Account(SandboxVendor):
    """An account with its agents and nobody else."""

    page_size: ClassVar[int] = 20  # the smallest that the settings admit: pages overlap by a few records

    def open_books(self, world: World) -> None:
        """See `SandboxVendor`."""
        self.books = world.books["freshdesk"] = FreshdeskBooks(SEED, OPENED)

    def make_api(self) -> VendorApi:
        """See `SandboxVendor`."""
        return FreshdeskApi(self.sandbox)

    def tick(self, seconds: int = 1) -> None:
        """See `Vendor`."""
        super().tick(seconds * 60)  # lest the look-back of two minutes make good what paging loses

    def settings(self) -> dict[str, Any]:
        """What stands in hub.yaml."""
        self.monkeypatch.setenv("FRESHDESK_API_KEY", API_KEY)
        return {
            "base_url": self.server.base_url,
            "domain": DOMAIN,
            "api_key": "${FRESHDESK_API_KEY}",
            "per_page": self.page_size,
        }


class Freshdesk(Account, SandboxCounterpart):
    """What both streams have in common."""

    type_name = "freshdesk"
    bypass: ClassVar = {
        "refresh_token": "an API key does not rotate",
        "retention": "the lists go back to the beginning",
    }
    lookback = 120
    since: ClassVar[str]

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
    """Contacts, each of a company whose name lies elsewhere."""

    stream = "contacts"
    bypass: ClassVar = {
        **Freshdesk.bypass,
        "merge": "a contact merged into another shows as deleted; into whom is not told",
        "money": "contacts bear no amounts",
    }
    mark_at = ("name",)
    since = "_updated_since"

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            company = self.books.company(at, f"Company of {mark}", "company.example")
            return str(self.books.add_contact(at, {"name": mark, "company_id": company})["id"])
        self.books.update_contact(at, key, {"name": mark})
        return key

    def delete(self, key: str, at: int) -> None:
        self.books.set_state(at, key, DELETED)

    def touch(self, key: str) -> None:
        _touch(self, self.books.contacts.get(key), key)

    def is_page(self, request: Request) -> bool:
        return request.path == "/api/v2/contacts" and "state" not in request.query

    def child(self, request: Request) -> bool:
        return request.path.startswith("/api/v2/companies/")


class Tickets(Freshdesk):
    """Tickets: a list in the order of change, which ends at page 300, with ratings that lie elsewhere."""

    stream = "tickets"
    bypass: ClassVar = {
        **Freshdesk.bypass,
        "merge": "a merged ticket is closed with a note; into which is not told",
        "money": "tickets bear no amounts",
    }
    mark_at = ("subject",)
    since = "updated_since"

    def write(self, key: str | None, mark: str, at: int) -> str:
        books = self.books
        if key is None:
            asker = books.contact_by("email", "asker@quickmail.example") or books.add_contact(
                at, {"name": "Asker", "email": "asker@quickmail.example"}
            )
            made = books.add_ticket(at, asker["id"], {"subject": mark})
            made["created_at"] = iso(at - 90 * DAY)
            return str(made["id"])
        books.update_ticket(at, key, {"subject": mark})
        return key

    def delete(self, key: str, at: int) -> None:
        self.books.set_apart(at, key, "deleted", True)

    def touch(self, key: str) -> None:
        _touch(self, self.books.tickets.get(key), key)

    def is_page(self, request: Request) -> bool:
        return request.path == "/api/v2/tickets" and "filter" not in request.query

    def child(self, request: Request) -> bool:
        return request.path.endswith("/satisfaction_ratings")


def _touch(account: Account, held: dict[str, Any] | None, key: str) -> None:
    assert held is not None
    held["updated_at"], account.books.stamp[key] = iso(account.time), account.time


COUNTERPARTS = (Tickets, Contacts)
