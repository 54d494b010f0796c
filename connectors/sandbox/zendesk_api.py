"""Zendesk's HTTP protocol: Basic authentication with an API token, incremental cursor exports, lists, search, and writes.

Paths work with and without ``.json``. The exports are zendesk_exports.py. Source: Zendesk's OpenAPI description.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from connectors.sandbox import credentials
from connectors.sandbox.shelf import Object
from connectors.sandbox.state import Sandbox
from connectors.sandbox.wire import Answer, Call, VendorError, nested, retry_header
from connectors.sandbox.zendesk_answers import (
    audit,
    body,
    check_external_id,
    check_status,
    invalid_record,
    known_user_fields,
    not_found,
    throttled,
)
from connectors.sandbox.zendesk_beside import identities, included, metric_set
from connectors.sandbox.zendesk_books import USER_FIELDS, DuplicateEmailError
from connectors.sandbox.zendesk_bulk import BulkUpdates
from connectors.sandbox.zendesk_exports import ZendeskExports
from connectors.sandbox.zendesk_lists import found_by, page_of

Handler = Callable[[Call, str], Answer]


class ZendeskApi:
    """The protocol over a sandbox's books.

    Args:
        exports_per_minute: how many export requests are let through in a minute (Zendesk: 10, or 30 with an add-on); None for any.
    """

    def __init__(self, sandbox: Sandbox, exports_per_minute: int | None = None) -> None:
        self._sandbox, self._books = sandbox, sandbox.world.zendesk
        exports = ZendeskExports(sandbox, exports_per_minute)
        bulk = BulkUpdates(credentials.ZENDESK_URL, self._updated)
        self._routes: tuple[tuple[str, str, Handler], ...] = (
            ("GET", r"/incremental/(users|tickets)/cursor", exports.answer),
            ("GET", r"/users/me", self._me),
            ("GET", r"/users/search", self._search_users),
            ("GET", r"/users/show_many", self._show_many),
            ("GET", r"/search", self._search),
            ("GET", r"/(users|tickets|organizations)", self._list),
            ("GET", r"/(users/\d+|tickets/\d+|organizations/\d+)", self._get),
            ("GET", r"/users/(\d+)/identities", self._identities),
            ("GET", r"/tickets/(\d+)/metrics", self._metrics),
            ("GET", r"/ticket_metrics", self._all_metrics),
            ("POST", r"/users", self._create_user),
            ("PUT", r"/users/(\d+)", self._update_user),
            ("PUT", r"/users/update_many", bulk.queue),
            ("GET", r"/job_statuses/([0-9a-f]+)", bulk.show),
            ("DELETE", r"/users/(\d+)", self._delete_user),
            ("POST", r"/tickets", self._create_ticket),
            ("PUT", r"/tickets/(\d+)", self._update_ticket),
            ("DELETE", r"/tickets/(\d+)", self._delete_ticket),
        )

    def answer(self, call: Call) -> Answer:
        """Answer a call."""
        if not self._authentic(call):
            challenge = {"www-authenticate": 'Basic realm="Web Password"'}
            return Answer({"error": "Couldn't authenticate you"}, 401, challenge)
        path = call.path.removesuffix(".json")
        for method, pattern, handler in self._routes:
            match = re.fullmatch(f"/api/v2{pattern}", path)
            if match and method == call.method:
                try:
                    return handler(call, match[1] if match.groups() else "")
                except VendorError as error:
                    return error.answer
        return Answer({"error": "InvalidEndpoint", "description": "Not found"}, 404)

    def fault(self, status: int, retry_after: float | None) -> Answer:
        """A server error, a throttle or a refusal, in Zendesk's words."""
        if status == 401:
            return Answer({"error": "Couldn't authenticate you"}, 401)
        if status == 429:
            return throttled(retry_after)
        return Answer({"error": "InternalError", "description": "Internal server error"}, status, retry_header(retry_after))

    @staticmethod
    def _authentic(call: Call) -> bool:
        if call.basic() == (f"{credentials.ZENDESK_EMAIL}/token", credentials.ZENDESK_TOKEN):
            return True
        return call.bearer() == credentials.ZENDESK_TOKEN

    # reading -----------------------------------------------------------------------------------------------------

    def _me(self, call: Call, _: str) -> Answer:
        return Answer({"user": {**self._books.staff[0], "authenticity_token": "sandbox"}})

    def _get(self, call: Call, place: str) -> Answer:
        kind, _, key = place.partition("/")
        held: Object | None = getattr(self._books, kind).get(key)
        if held is None or held.get("status") == "deleted":
            not_found()
        return Answer({kind.removesuffix("s"): held})

    def _identities(self, call: Call, key: str) -> Answer:
        user = self._books.users.get(key)
        if user is None or not user["active"]:
            not_found()
        return page_of(call, "identities", identities(self._books, user))

    def _metrics(self, call: Call, key: str) -> Answer:
        ticket = self._books.tickets.get(key)
        if ticket is None or ticket["status"] == "deleted":
            not_found()
        return Answer({"ticket_metric": metric_set(self._books, ticket)})

    def _all_metrics(self, call: Call, _: str) -> Answer:
        found = (metric_set(self._books, ticket) for ticket in self._books.tickets)
        return page_of(call, "ticket_metrics", [one for one in found if one])

    def _list(self, call: Call, kind: str) -> Answer:
        params = nested(call.query)
        roles = params.get("role")
        roles = [roles] if isinstance(roles, str) else roles
        records = [r for r in getattr(self._books, kind) if r.get("active", True) and r.get("status") != "deleted"]
        if kind == "users" and roles:
            records = [r for r in records if r["role"] in roles]
        if "external_id" in params:
            records = [r for r in records if r["external_id"] == params["external_id"]]
        answer = page_of(call, kind, records)
        page, beside = included(kind, answer.body[kind], call.param("include"), self._books)
        return Answer({**answer.body, kind: page, **beside})

    def _show_many(self, call: Call, _: str) -> Answer:
        keys = (call.param("ids") or "").split(",")
        users = [u for key in keys if (u := self._books.users.get(key))]
        return Answer({"users": users, "count": len(users), "next_page": None, "previous_page": None})

    def _search_users(self, call: Call, _: str) -> Answer:
        query, external = call.param("query"), call.param("external_id")
        users = [u for u in self._books.users if u["active"]]
        if external is not None:
            users = [u for u in users if u["external_id"] == external]
        elif query is not None:
            users = [u for u in users if found_by(query, "user", u, self._books)]
        return page_of(call, "users", users)

    def _search(self, call: Call, _: str) -> Answer:
        query = call.param("query")
        if not query:
            raise VendorError(Answer({"error": "invalid", "description": "Invalid search: query is missing"}, 422))
        books = self._books
        users = [{**u, "result_type": "user"} for u in books.users if u["active"] and found_by(query, "user", u, books)]
        live = (t for t in books.tickets if t["status"] != "deleted")
        tickets = [{**t, "result_type": "ticket"} for t in live if found_by(query, "ticket", t, books)]
        # a search never gives more than a thousand results
        return page_of(call, "results", (users + tickets)[:1000])

    # writing -----------------------------------------------------------------------------------------------------

    def _user_fields(self, fields: Object, key: str = "") -> Object:
        """What may be written of a user, with the user fields that the account has; others are dropped without a word."""
        email = fields.get("email")
        if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", email):
            invalid_record("email", f"Email: {email} is not properly formatted", "InvalidFormat")
        check_external_id(self._books.users, fields.get("external_id"), beside=key)
        given = {name: value for name, value in fields.items() if name in (*USER_FIELDS, "role")}
        if "user_fields" in given:
            given["user_fields"] = known_user_fields(given["user_fields"])
        return given

    def _create_user(self, call: Call, _: str) -> Answer:
        fields = self._user_fields(body(call, "user"))
        if not fields.get("name"):
            invalid_record("name", "Name: is too short (minimum one character)", "BlankValue")
        try:
            made = self._sandbox.write("zendesk.create_user", fields=fields)
        except DuplicateEmailError:
            invalid_record("email", f"Email: {fields['email']} is already being used by another user", "DuplicateValue")
        return Answer({"user": made}, 201, {"location": made["url"]})

    def _update_user(self, call: Call, key: str) -> Answer:
        return Answer({"user": self._updated(key, body(call, "user"))})

    def _updated(self, key: str, given: Object) -> Object:
        fields = self._user_fields(given, key)
        try:
            updated: Object = self._sandbox.write("zendesk.update_user", key=key, fields=_as_further(fields))
            return updated
        except KeyError:
            not_found()
        except DuplicateEmailError:
            invalid_record("email", f"Email: {fields['email']} is already being used by another user", "DuplicateValue")

    def _delete_user(self, call: Call, key: str) -> Answer:
        try:
            return Answer({"user": self._sandbox.write("zendesk.delete_user", key=key)})
        except KeyError:
            not_found()
        except ValueError:
            invalid_record("base", "Requester has tickets that are not closed", "InvalidValue")

    def _create_ticket(self, call: Call, _: str) -> Answer:
        fields: Object = body(call, "ticket")
        text = (fields.get("comment") or {}).get("body") or fields.get("description")
        if not text:
            invalid_record("description", "Description: cannot be blank", "BlankValue")
        requester = fields.get("requester") or {"id": fields.get("requester_id", self._books.staff[0]["id"])}
        if "email" not in requester and self._books.users.get(str(requester.get("id"))) is None:
            invalid_record("requester", "Requester: is not valid", "InvalidValue")
        check_status(fields)
        given: Object = {n: fields[n] for n in ("external_id", "priority", "type", "tags", "status") if n in fields}
        given["channel"] = "api"
        subject = fields.get("subject") or text[:100]
        made = self._sandbox.write("zendesk.create_ticket", requester=requester, subject=subject, text=text, fields=given)
        return Answer({"ticket": made, "audit": audit(made, "Create")}, 201, {"location": made["url"]})

    def _update_ticket(self, call: Call, key: str) -> Answer:
        fields: Object = body(call, "ticket")
        check_status(fields)
        try:
            updated = self._sandbox.write("zendesk.update_ticket", key=key, fields=fields)
        except KeyError:
            not_found()
        except ValueError:
            invalid_record("status", "Status: closed prevents ticket update", "InvalidValue")
        return Answer({"ticket": updated, "audit": audit(updated, "Change")})

    def _delete_ticket(self, call: Call, key: str) -> Answer:
        try:
            self._sandbox.write("zendesk.delete_ticket", key=key)
        except KeyError:
            not_found()
        return Answer(None, 204)


def _as_further(fields: Object) -> Object:
    """An e-mail sent to an existing user becomes a further address; the primary one stays."""
    return {"further_email" if name == "email" else name: value for name, value in fields.items()}
