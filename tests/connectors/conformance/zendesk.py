"""Zendesk: exports by opaque cursor that keep their own order and hold the last minute back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

from connectors.sandbox import credentials
from connectors.sandbox.wire import VendorApi
from connectors.sandbox.world import World
from connectors.sandbox.zendesk_api import ZendeskApi
from connectors.sandbox.zendesk_books import ZendeskBooks
from tests.connectors.conformance.counterpart import SandboxCounterpart
from tests.connectors.conformance.vendor import NOW, OPENED, SEED
from tests.loopback import Reply, Request


class Zendesk(SandboxCounterpart):
    """What both exports have in common."""

    type_name = "zendesk"
    bypass: ClassVar = {
        "same_second": "the export holds the last minute back, so that a second is closed before it is read",
        "refresh_token": "an API token does not rotate",
        "boundary": "the cursor is opaque: where it stands, and on which side of a tie, is Zendesk's own affair",
        "late": "the export is ordered by when Zendesk generated a record, not by the time the record bears",
        "retention": "the export keeps everything; a cursor that Zendesk no longer knows is a clear error (test_zendesk.py)",
    }

    def open_books(self, world: World) -> None:
        world.zendesk = self.books = ZendeskBooks(SEED, credentials.ZENDESK_URL, OPENED)

    def make_api(self) -> VendorApi:
        return ZendeskApi(self.sandbox)

    def settings(self) -> dict[str, Any]:
        self.monkeypatch.setenv("ZENDESK_TOKEN", credentials.ZENDESK_TOKEN)
        return {
            "base_url": self.server.base_url,
            "subdomain": credentials.ZENDESK_SUBDOMAIN,
            "email": credentials.ZENDESK_EMAIL,
            "api_token": "${ZENDESK_TOKEN}",
            "per_page": self.page_size,
            "exports_per_minute": 10_000,
        }

    def tick(self, seconds: int = 1) -> None:
        super().tick(seconds + 61)  # what happened in the last minute is not exported yet

    def is_page(self, request: Request) -> bool:
        return request.path.endswith(f"/incremental/{self.stream}/cursor")

    def child(self, request: Request) -> bool:
        return self.is_page(request) and "include" in request.query

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body[self.stream]
        return found

    def forbidden(self) -> Reply:
        return Reply({"error": {"title": "Forbidden", "message": "You do not have access to this page."}}, 403)

    def future(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        return {**checkpoint, "cursor": base64.b64encode(f"{NOW + 10**8}.0||1".encode()).decode()}


class Users(Zendesk):
    """Users of a help desk, with the identities and organizations that may be refused without them."""

    stream = "users"
    bypass: ClassVar = {
        **Zendesk.bypass,
        "merge": "a merged user shows as inactive; into whom is not told",
        "money": "users bear no amounts",
    }
    mark_at = ("name",)

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            return str(self.books.add_user(at, {"name": mark})["id"])
        self.books.update_user(at, key, {"name": mark})
        return key

    def delete(self, key: str, at: int) -> None:
        self.books.delete_user(at, key)

    def touch(self, key: str) -> None:
        self.books.user_stamp[key] = self.time


class Tickets(Zendesk):
    """Tickets of one user, with the metric sets that may be refused without them."""

    stream = "tickets"
    bypass: ClassVar = {
        **Zendesk.bypass,
        "merge": "a merged ticket is closed with a comment; into which is not told",
        "money": "tickets bear no amounts",
    }
    mark_at = ("subject",)

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            return str(self.books.add_ticket(at, self.books.staff[0]["id"], mark, "Please help.", {})["id"])
        self.books.update_ticket(at, key, {"subject": mark})
        return key

    def delete(self, key: str, at: int) -> None:
        self.books.delete_ticket(at, key)

    def touch(self, key: str) -> None:
        self.books.ticket_stamp[key] = self.time


COUNTERPARTS = (Tickets, Users)
