"""Zendesk's tickets: the same export, with a part that may be refused without the ticket, its metric set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tests.connectors.conformance.zendesk import Zendesk
from tests.loopback import Request


class ZendeskTickets(Zendesk):
    """Tickets of one user."""

    stream = "tickets"
    bypass: ClassVar = {case: reason for case, reason in Zendesk.bypass.items() if case != "child"} | {
        "merge": "a merged ticket is closed with a comment; into which is not told",
    }

    def write(self, key: str | None, mark: str, at: int) -> str:
        books = self.sandbox.world.zendesk
        if key is None:
            return str(books.add_ticket(at, books.staff[0]["id"], mark, "Please help.", {})["id"])
        books.update_ticket(at, key, {"subject": mark})
        return key

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        subject = payload.get("subject")
        return subject if isinstance(subject, str) and subject.startswith("Mark ") else None

    def delete(self, key: str, at: int) -> None:
        self.sandbox.world.zendesk.delete_ticket(at, key)

    def touch(self, key: str) -> None:
        books = self.sandbox.world.zendesk
        books.ticket_stamp[key] = self.time

    def child(self, request: Request) -> bool:
        return self.is_page(request) and "include" in request.query

    def is_page(self, request: Request) -> bool:
        return request.path.endswith("/incremental/tickets/cursor")

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body["tickets"]
        return found


COUNTERPART = ZendeskTickets
