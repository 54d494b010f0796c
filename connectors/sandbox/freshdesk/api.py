"""Freshdesk's HTTP protocol, version 2: Basic authentication with an API key, lists by page number, writes, rate limits.

Lists leave out what is deleted, spam or blocked unless asked for it, and tickets opened more than 30 days ago unless a time is
named; tickets end at page 300; a parameter that Freshdesk does not know is refused. Source: Freshdesk's API documentation.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from connectors.sandbox.freshdesk.answers import contact_of, fields_of, invalid, no_content, not_found, ticket_of
from connectors.sandbox.freshdesk.books import DuplicateError, FreshdeskBooks, RefusedError
from connectors.sandbox.freshdesk.reads import Reads
from connectors.sandbox.state import Sandbox
from connectors.sandbox.wire import Answer, Call, VendorError, retry_header

API_KEY = "sandboxFreshdeskKey"
DOMAIN = "sandbox-goods"
CALLS_A_MINUTE = 700
COST_OF_INCLUDE = 2
Handler = Callable[[Call, str], Answer]


class FreshdeskApi:
    """The protocol over a sandbox's books.

    Args:
        calls_per_minute: how many calls are let through in a minute (Freshdesk: 200 to 700 by plan); None for any.
    """

    def __init__(self, sandbox: Sandbox, calls_per_minute: int | None = None) -> None:
        books: FreshdeskBooks = sandbox.world.books["freshdesk"]
        self._sandbox, self._calls_per_minute = sandbox, calls_per_minute
        self._reads = reads = Reads(books, sandbox.now)
        self._spent: deque[tuple[float, int]] = deque()
        self._routes: tuple[tuple[str, str, Handler], ...] = (
            ("GET", r"/agents/me", lambda call, _: Answer(books.staff[0])),
            ("GET", r"/tickets", reads.tickets),
            ("GET", r"/tickets/(\d+)", reads.ticket),
            ("GET", r"/tickets/(\d+)/satisfaction_ratings", reads.ratings_of),
            ("GET", r"/contacts", reads.contacts),
            ("GET", r"/contacts/(\d+)", reads.contact),
            ("GET", r"/companies", reads.companies),
            ("GET", r"/companies/(\d+)", reads.company),
            ("GET", r"/surveys/satisfaction_ratings", reads.ratings),
            ("POST", r"/contacts", self._create_contact),
            ("POST", r"/contacts/merge", self._merge_contacts),
            ("PUT", r"/contacts/(\d+)", self._update_contact),
            ("PUT", r"/contacts/(\d+)/restore", self._restore_contact),
            ("DELETE", r"/contacts/(\d+)", self._delete_contact),
            ("DELETE", r"/contacts/(\d+)/hard_delete", self._erase_contact),
            ("POST", r"/tickets", self._create_ticket),
            ("PUT", r"/tickets/(\d+)", self._update_ticket),
            ("PUT", r"/tickets/(\d+)/restore", self._restore_ticket),
            ("DELETE", r"/tickets/(\d+)", self._delete_ticket),
            ("POST", r"/tickets/(\d+)/satisfaction_ratings", self._rate),
        )

    def answer(self, call: Call) -> Answer:
        """Answer a call."""
        cost = 1 + COST_OF_INCLUDE * len([part for part in (call.param("include") or "").split(",") if part])
        wait, left = self._spend(cost)
        if wait is not None:
            answer = self.fault(429, wait)
        elif (call.basic() or ("", ""))[0] != API_KEY:
            answer = self.fault(401, None)
        else:
            answer = self._routed(call)
        counted = {
            "x-ratelimit-total": str(self._calls_per_minute or CALLS_A_MINUTE),
            "x-ratelimit-remaining": str(left),
            "x-ratelimit-used-currentrequest": str(cost),
            "x-freshdesk-api-version": "latest=v2; requested=v2",
        }
        return Answer(answer.body, answer.status, {**counted, **answer.headers})

    def fault(self, status: int, retry_after: float | None) -> Answer:
        """An error, in Freshdesk's words."""
        said = {
            401: {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."},
            403: {"code": "access_denied", "message": "You are not authorized to perform this action."},
            429: {"message": "You have exceeded the limit of requests per minute"},
        }
        return Answer(said.get(status, {"code": "internal_error", "message": "Error"}), status, retry_header(retry_after))

    def _routed(self, call: Call) -> Answer:
        for method, pattern, handler in self._routes:
            match = re.fullmatch(f"/api/v2{pattern}", call.path)
            if match and method == call.method:
                try:
                    return handler(call, match[1] if match.groups() else "")
                except VendorError as error:
                    return error.answer
                except KeyError:
                    return not_found()
        return not_found()

    def _spend(self, cost: int) -> tuple[float | None, int]:
        """Seconds to wait if the calls of this minute are spent, and how many are left."""
        if self._calls_per_minute is None:
            return None, CALLS_A_MINUTE - cost
        now = time.monotonic()
        while self._spent and self._spent[0][0] <= now - 60:
            self._spent.popleft()
        left = self._calls_per_minute - sum(spent for _, spent in self._spent)
        if left < cost:
            return (self._spent[0][0] + 61 - now if self._spent else 60.0), max(0, left)
        self._spent.append((now, cost))
        return None, left - cost

    # writing -----------------------------------------------------------------------------------------------------

    def _write(self, name: str, **arguments: Any) -> Any:
        try:
            return self._sandbox.write(f"freshdesk.{name}", **arguments)
        except DuplicateError as error:
            errors = [{"field": str(error), "message": "It should be a unique value", "code": "duplicate_value"}]
            raise VendorError(Answer({"description": "Validation failed", "errors": errors}, 409)) from error
        except RefusedError as error:
            raise VendorError(no_content(400 if name == "erase_contact" else 404)) from error

    def _create_contact(self, call: Call, _: str) -> Answer:
        return Answer(self._write("create_contact", fields=contact_of(call, creating=True)), 201)

    def _update_contact(self, call: Call, key: str) -> Answer:
        return Answer(self._write("update_contact", key=key, fields=contact_of(call, creating=False)))

    def _restore_contact(self, call: Call, key: str) -> Answer:
        self._write("restore_contact", key=key)
        return no_content()

    def _delete_contact(self, call: Call, key: str) -> Answer:
        self._write("delete_contact", key=key)
        return no_content()

    def _erase_contact(self, call: Call, key: str) -> Answer:
        self._write("erase_contact", key=key, force=call.param("force") == "true")
        return no_content()

    def _merge_contacts(self, call: Call, _: str) -> Answer:
        given = fields_of(call, ("primary_contact_id", "secondary_contact_ids", "contact"))
        primary, others = given.get("primary_contact_id"), given.get("secondary_contact_ids")
        if not isinstance(primary, int) or not isinstance(others, list) or not others:
            invalid("primary_contact_id", "It should be a/an Positive Integer", "missing_field")
        keys = [str(key) for key in others]
        self._write("merge_contacts", primary=str(primary), secondary=keys, fields=given.get("contact") or {})
        return no_content()

    def _create_ticket(self, call: Call, _: str) -> Answer:
        requester, fields = ticket_of(call, creating=True)
        made = self._write("create_ticket", requester=requester, fields=fields)
        return Answer(self._reads.shown(made, call, one=True), 201)

    def _update_ticket(self, call: Call, key: str) -> Answer:
        _, fields = ticket_of(call, creating=False)
        return Answer(self._reads.shown(self._write("update_ticket", key=key, fields=fields), call, one=True))

    def _restore_ticket(self, call: Call, key: str) -> Answer:
        self._write("set_ticket_apart", key=key, flag="deleted", value=False)
        return no_content()

    def _delete_ticket(self, call: Call, key: str) -> Answer:
        self._write("set_ticket_apart", key=key, flag="deleted", value=True)
        return no_content()

    def _rate(self, call: Call, key: str) -> Answer:
        given = fields_of(call, ("feedback", "ratings"))
        if not isinstance(given.get("ratings"), dict) or "default_question" not in given["ratings"]:
            invalid("ratings", "It should be a/an key/value pair with default_question", "missing_field")
        feedback = given.get("feedback")
        rated = self._write("rate_ticket", key=key, ratings=given["ratings"], feedback=None if feedback is None else str(feedback))
        return Answer(rated, 201)
