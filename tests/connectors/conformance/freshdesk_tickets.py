"""Freshdesk's tickets: a list in the order of change, which ends at page 300, with ratings that lie elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandbox.freshdesk.books import iso
from tests.connectors.conformance.freshdesk import Freshdesk
from tests.loopback import Request


class Tickets(Freshdesk):
    """Tickets of a Freshdesk account."""

    stream = "tickets"

    def write(self, key: str | None, mark: str, at: int) -> str:
        books = self.books
        if key is None:
            asker = books.contact_by("email", "asker@quickmail.example") or books.add_contact(
                at, {"name": "Asker", "email": "asker@quickmail.example"}
            )
            key = str(books.add_ticket(at, asker["id"], {"subject": mark})["id"])
            books.tickets.get(key)["created_at"] = iso(at - 90 * 86_400)  # type: ignore[index]
            return key
        books.update_ticket(at, key, {"subject": mark})
        return key

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        subject = payload.get("subject")
        return subject if isinstance(subject, str) and subject.startswith("Mark ") else None

    def delete(self, key: str, at: int) -> None:
        self.books.set_apart(at, key, "deleted", True)

    def touch(self, key: str) -> None:
        ticket = self.books.tickets.get(key)
        assert ticket is not None
        ticket["updated_at"], self.books.stamp[key] = iso(self.time), self.time

    def is_page(self, request: Request) -> bool:
        return request.path == "/api/v2/tickets" and "filter" not in request.query

    def child(self, request: Request) -> bool:
        return request.path.endswith("/satisfaction_ratings")


COUNTERPART = Tickets
