"""What can be read through Freshdesk's API: tickets, contacts, companies, satisfaction ratings."""

from __future__ import annotations

from collections.abc import Callable

from connectors.sandbox.freshdesk.answers import LIST_PARAMS, invalid, moment, moment_of, not_found, page_of, refuse_unknown
from connectors.sandbox.freshdesk.books import BLOCKED, DELETED, LIVE, FreshdeskBooks
from connectors.sandbox.freshdesk.shapes import listed_contact, requester_of
from connectors.sandbox.population import DAY
from connectors.sandbox.shelf import Object
from connectors.sandbox.wire import Answer, Call

DEEPEST_PAGE = 300
SHOWN_WITHOUT_A_TIME = 30 * DAY
_INCLUDES = ("stats", "requester", "description", "company")
_ORDERS = ("created_at", "due_by", "updated_at", "status")


class Reads:
    """Answers to GET.

    Args:
        now: world time, unix seconds.
    """

    def __init__(self, books: FreshdeskBooks, now: Callable[[], int]) -> None:
        self._books, self._now = books, now

    def tickets(self, call: Call, _: str) -> Answer:
        """The list of tickets."""
        refuse_unknown(call, LIST_PARAMS["tickets"])
        wanted, since = call.param("filter"), moment(call, "updated_since")
        if wanted not in (None, "deleted", "spam"):
            invalid("filter", "It should be one of these values: 'new_and_my_open,watching,spam,deleted'")
        order, kind = call.param("order_by") or "created_at", call.param("order_type") or "desc"
        if order not in _ORDERS or kind not in ("asc", "desc"):
            invalid("order_by" if order not in _ORDERS else "order_type", "It should be one of the documented values")
        stamp, opened_after = self._books.stamp, self._now() - SHOWN_WITHOUT_A_TIME
        found = [
            ticket
            for ticket in self._books.tickets
            if _apart(ticket) == wanted
            and (moment_of(ticket["created_at"]) >= opened_after if since is None else stamp[str(ticket["id"])] >= since)
            and call.param("requester_id") in (None, str(ticket["requester_id"]))
        ]
        found.sort(key=lambda ticket: (ticket[order], ticket["id"]), reverse=kind == "desc")
        answer = page_of(call, found, DEEPEST_PAGE)
        return Answer([self.shown(ticket, call) for ticket in answer.body], 200, answer.headers)

    def shown(self, ticket: Object, call: Call, *, one: bool = False) -> Object:
        """A ticket with what the call includes."""
        included = {part for part in (call.param("include") or "").split(",") if part}
        if not included <= set(_INCLUDES):
            invalid("include", f"It should be one of these values: '{','.join(_INCLUDES)}'")
        shown = {name: value for name, value in ticket.items() if name != "description"}
        if one or "description" in included:
            text = ticket.get("description") or ""
            shown |= {"description": f"<div>{text}</div>", "description_text": text}
        if "stats" in included:
            shown["stats"] = dict(self._books.stats[str(ticket["id"])])
        if "requester" in included:
            shown["requester"] = requester_of(self._books.contacts.get(str(ticket["requester_id"])))
        if "company" in included:
            company = self._books.companies.get(str(ticket["company_id"]))
            shown["company"] = {"id": company["id"], "name": company["name"]} if company else {}
        return shown

    def ticket(self, call: Call, key: str) -> Answer:
        """One ticket; one in the trash too."""
        ticket = self._books.tickets.get(key)
        return not_found() if ticket is None else Answer(self.shown(ticket, call, one=True))

    def contacts(self, call: Call, _: str) -> Answer:
        """The list of contacts, in alphabetical order."""
        refuse_unknown(call, LIST_PARAMS["contacts"])
        asked, since = call.param("state"), moment(call, "_updated_since")
        if asked not in (None, "blocked", "deleted", "verified", "unverified"):
            invalid("state", "It should be one of these values: 'verified,unverified,blocked,deleted'")
        state = {"blocked": BLOCKED, "deleted": DELETED}.get(asked or "", LIVE)
        filters = {name: value for name in ("email", "phone", "mobile", "company_id") if (value := call.param(name)) is not None}
        found = [
            contact
            for contact in self._books.contacts
            if self._books.state[str(contact["id"])] == state
            and (since is None or self._books.stamp[str(contact["id"])] >= since)
            and (asked not in ("verified", "unverified") or contact["active"] == (asked == "verified"))
            and all(str(contact[name]) == value for name, value in filters.items())
        ]
        found.sort(key=lambda contact: ((contact["name"] or "").lower(), contact["id"]))
        answer = page_of(call, found)
        return Answer([listed_contact(contact) for contact in answer.body], 200, answer.headers)

    def contact(self, call: Call, key: str) -> Answer:
        """One contact."""
        contact = self._books.contacts.get(key)
        return not_found() if contact is None else Answer({**contact, "avatar": None})

    def companies(self, call: Call, _: str) -> Answer:
        """The list of companies."""
        refuse_unknown(call, LIST_PARAMS["companies"])
        return page_of(call, list(self._books.companies))

    def company(self, call: Call, key: str) -> Answer:
        """One company."""
        company = self._books.companies.get(key)
        return not_found() if company is None else Answer(company)

    def ratings(self, call: Call, _: str) -> Answer:
        """All satisfaction ratings, newest first."""
        refuse_unknown(call, LIST_PARAMS["ratings"])
        since, user = moment(call, "created_since"), call.param("user_id")
        found = [
            rating
            for rating in self._books.ratings
            if (since is None or moment_of(rating["created_at"]) >= since) and user in (None, str(rating["user_id"]))
        ]
        return page_of(call, found[::-1])

    def ratings_of(self, call: Call, key: str) -> Answer:
        """The satisfaction ratings of one ticket."""
        if self._books.tickets.get(key) is None:
            return not_found()
        return page_of(call, [rating for rating in self._books.ratings if str(rating["ticket_id"]) == key])


def _apart(ticket: Object) -> str | None:
    """Which filter shows the ticket; None for the ordinary list."""
    if ticket.get("deleted"):
        return "deleted"
    return "spam" if ticket["spam"] else None
