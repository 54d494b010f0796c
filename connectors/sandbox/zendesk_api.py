"""Zendesk's HTTP protocol: Basic authentication with an API token, incremental cursor exports, lists, search, and writes.

Exports are ordered by generated timestamp, keep the last minute back and hand out an opaque cursor; deleted tickets and users stay
in them, marked. Paths work with and without ``.json``. Sources: Zendesk's OpenAPI description, and its page on incremental exports.
"""

from __future__ import annotations

import base64
import re
import time
from collections import deque
from collections.abc import Callable

from connectors.sandbox import credentials
from connectors.sandbox.shelf import Object
from connectors.sandbox.state import Sandbox
from connectors.sandbox.wire import Answer, Call, VendorError, nested, retry_header
from connectors.sandbox.zendesk_answers import audit, body, check_status, invalid, invalid_record, not_found
from connectors.sandbox.zendesk_books import USER_FIELDS, DuplicateEmailError
from connectors.sandbox.zendesk_lists import found_by, page_of

MAX_EXPORT_PAGE = 1_000
KEPT_BACK_SECONDS = 60
Handler = Callable[[Call, str], Answer]


class ZendeskApi:
    """The protocol over a sandbox's books.

    Args:
        exports_per_minute: how many export requests are let through in a minute (Zendesk: 10, or 30 with an add-on); None for any.
    """

    def __init__(self, sandbox: Sandbox, exports_per_minute: int | None = None) -> None:
        self._sandbox, self._books = sandbox, sandbox.world.zendesk
        self._exports_per_minute = exports_per_minute
        self._exports: deque[float] = deque()
        self._routes: tuple[tuple[str, str, Handler], ...] = (
            ("GET", r"/incremental/(users|tickets)/cursor", self._export),
            ("GET", r"/users/me", self._me),
            ("GET", r"/users/search", self._search_users),
            ("GET", r"/users/show_many", self._show_many),
            ("GET", r"/search", self._search),
            ("GET", r"/(users|tickets|organizations)", self._list),
            ("GET", r"/(users/\d+|tickets/\d+|organizations/\d+)", self._get),
            ("POST", r"/users", self._create_user),
            ("PUT", r"/users/(\d+)", self._update_user),
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
            text = "Number of allowed API requests per minute exceeded"
            return Answer({"error": "APIRateLimitExceeded", "description": text}, 429, retry_header(retry_after))
        return Answer({"error": "InternalError", "description": "Internal server error"}, status, retry_header(retry_after))

    @staticmethod
    def _authentic(call: Call) -> bool:
        if call.basic() == (f"{credentials.ZENDESK_EMAIL}/token", credentials.ZENDESK_TOKEN):
            return True
        return call.bearer() == credentials.ZENDESK_TOKEN

    # exports -----------------------------------------------------------------------------------------------------

    def _export(self, call: Call, kind: str) -> Answer:
        self._count_export()
        per_page = min(_number(call, "per_page", MAX_EXPORT_PAGE), MAX_EXPORT_PAGE)
        newest = self._sandbox.now() - KEPT_BACK_SECONDS
        start = self._start(call, newest)
        stamps = self._books.user_stamp if kind == "users" else self._books.ticket_stamp
        due = sorted((stamp, int(key)) for key, stamp in stamps.items() if stamp <= newest and (stamp, int(key)) > start)
        page = due[: max(1, per_page)]
        records = [self._record(kind, key) for _, key in page]
        if call.param("exclude_deleted") == "true":
            records = [r for r in records if r.get("status") != "deleted"]
        cursor = _cursor(page[-1] if page else start)
        return Answer(
            {
                kind: records,
                "after_cursor": cursor,
                "after_url": f"{call.base}/api/v2/incremental/{kind}/cursor.json?cursor={cursor}&per_page={per_page}",
                "before_cursor": None,
                "before_url": None,
                "end_of_stream": len(page) == len(due),
            }
        )

    def _record(self, kind: str, number: int) -> Object:
        held = (self._books.users if kind == "users" else self._books.tickets).get(str(number))
        assert held is not None
        return held

    @staticmethod
    def _start(call: Call, newest: int) -> tuple[int, int]:
        """After which (stamp, ID) the page begins."""
        cursor = call.param("cursor")
        if cursor is not None:
            try:
                stamp, _, number = base64.b64decode(cursor, validate=True).decode().partition("||")
                return int(float(stamp)), int(number)
            except ValueError:
                invalid("cursor", "the cursor is not valid")
        if call.param("start_time") is None:
            invalid("start_time", "start_time must be an integer")
        start = _number(call, "start_time", 0)
        if start > newest:
            text = "Too recent start_time. Use a start_time older than 1 minute"
            raise VendorError(Answer({"error": "InvalidValue", "description": text}, 422))
        return start, -1

    def _count_export(self) -> None:
        if self._exports_per_minute is None:
            return
        now = time.monotonic()
        while self._exports and self._exports[0] <= now - 60:
            self._exports.popleft()
        if len(self._exports) >= self._exports_per_minute:
            raise VendorError(self.fault(429, self._exports[0] + 61 - now))
        self._exports.append(now)

    # reading -----------------------------------------------------------------------------------------------------

    def _me(self, call: Call, _: str) -> Answer:
        return Answer({"user": {**self._books.staff[0], "authenticity_token": "sandbox"}})

    def _get(self, call: Call, place: str) -> Answer:
        kind, _, key = place.partition("/")
        held: Object | None = getattr(self._books, kind).get(key)
        if held is None or held.get("status") == "deleted":
            not_found()
        return Answer({kind.removesuffix("s"): held})

    def _list(self, call: Call, kind: str) -> Answer:
        params = nested(call.query)
        roles = params.get("role")
        roles = [roles] if isinstance(roles, str) else roles
        records = [r for r in getattr(self._books, kind) if r.get("active", True) and r.get("status") != "deleted"]
        if kind == "users" and roles:
            records = [r for r in records if r["role"] in roles]
        if "external_id" in params:
            records = [r for r in records if r["external_id"] == params["external_id"]]
        return page_of(call, kind, records)

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

    def _user_fields(self, call: Call) -> Object:
        fields: Object = body(call, "user")
        email = fields.get("email")
        if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", email):
            invalid_record("email", f"Email: {email} is not properly formatted", "InvalidFormat")
        return {name: value for name, value in fields.items() if name in (*USER_FIELDS, "role")}

    def _create_user(self, call: Call, _: str) -> Answer:
        fields = self._user_fields(call)
        if not fields.get("name"):
            invalid_record("name", "Name: is too short (minimum one character)", "BlankValue")
        try:
            made = self._sandbox.write("zendesk.create_user", fields=fields)
        except DuplicateEmailError:
            invalid_record("email", f"Email: {fields['email']} is already being used by another user", "DuplicateValue")
        return Answer({"user": made}, 201, {"location": made["url"]})

    def _update_user(self, call: Call, key: str) -> Answer:
        fields = self._user_fields(call)
        # an e-mail sent to an existing user becomes a secondary address; the primary one stays
        fields.pop("email", None)
        try:
            return Answer({"user": self._sandbox.write("zendesk.update_user", key=key, fields=fields)})
        except KeyError:
            not_found()

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


def _cursor(place: tuple[int, int]) -> str:
    return base64.b64encode(f"{place[0]}.0||{place[1]}".encode()).decode()


def _number(call: Call, name: str, default: int) -> int:
    given = call.param(name)
    try:
        return default if given is None else int(given)
    except ValueError:
        invalid(name, f"{name} must be an integer")
