"""Stripe's HTTP protocol: authentication, versions, lists with cursors, retrieval, writes with idempotency, errors.

Served: customers (list, get, create, update, delete), invoices (list, get, delete of drafts), charges, refunds, credit_notes,
invoice_payments, events (lists and get) and the account. Lists are newest first, at most 100 long; events go back 30 days; unknown
parameters are refused. A version that is well-formed is accepted and answered in 2026-10-28.endive, whichever it is.
Source: https://docs.stripe.com/api and the official OpenAPI description.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn
from urllib.parse import parse_qsl

from connectors.sandbox import credentials
from connectors.sandbox.draw import token
from connectors.sandbox.shelf import Object, Shelf, taken
from connectors.sandbox.state import Sandbox
from connectors.sandbox.stripe_books import WRITABLE
from connectors.sandbox.stripe_params import (
    check_metadata,
    check_names,
    check_payment,
    created_filter,
    expanded,
    integer,
    matches,
    refuse,
    stripe_error,
)
from connectors.sandbox.wire import Answer, Call, Params, VendorError, nested, retry_header
from connectors.sandbox.world import EVENTS_LIVE

LIST_PARAMS = {"limit", "starting_after", "ending_before", "created", "expand"}
FILTERS = {
    "customers": {"email", "test_clock"},
    "invoices": {"customer", "status", "collection_method", "subscription", "due_date"},
    "charges": {"customer", "payment_intent", "transfer_group"},
    "invoice_payments": {"invoice", "payment", "status"},
    "refunds": {"charge", "payment_intent"},
    "credit_notes": {"customer", "customer_account", "invoice"},
    "events": {"type", "types", "delivery_success"},
}
SINGULAR = {
    "customers": "customer",
    "invoices": "invoice",
    "charges": "charge",
    "invoice_payments": "invoice_payment",
    "refunds": "refund",
    "credit_notes": "credit_note",
    "events": "event",
}


class StripeApi:
    """The protocol over a sandbox's books."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._books = sandbox.world.stripe
        self._requests = 0
        self._replies: dict[str, tuple[bytes, str, Answer]] = {}

    def answer(self, call: Call) -> Answer:
        """Answer a call; every answer has a request ID."""
        self._requests += 1
        request_id = f"req_{token(self._sandbox.seed, 'request', self._requests, 14)}"
        try:
            self._authenticate(call)
            self._check_version(call)
            answer = self._idempotent(call, request_id) if call.method == "POST" else self._dispatch(call, request_id)
        except VendorError as error:
            answer = error.answer
        version = call.headers.get("stripe-version", self._sandbox.stripe_version)
        return Answer(answer.body, answer.status, {"request-id": request_id, "stripe-version": version, **answer.headers})

    def fault(self, status: int, retry_after: float | None) -> Answer:
        """A server error, a throttle or a refusal, in Stripe's words."""
        if status == 429:
            answer = stripe_error(429, "Request rate limit exceeded.", code="rate_limit")
            reason = {"stripe-rate-limited-reason": "global-rate"}
            return Answer(answer.body, 429, {**answer.headers, **reason, **retry_header(retry_after)})
        if status == 401:
            return stripe_error(401, "Invalid API Key provided: sk_test_****box")
        kind = "api_error" if status >= 500 else "invalid_request_error"
        answer = stripe_error(status, "An unknown error occurred", kind=kind)
        return Answer(answer.body, status, retry_header(retry_after))

    # the way in --------------------------------------------------------------------------------------------------

    def _authenticate(self, call: Call) -> None:
        basic = call.basic()
        key = call.bearer() or (basic[0] if basic else None)
        if not key:
            refuse(401, "You did not provide an API key. You need to provide your API key in the Authorization header.")
        if key != credentials.STRIPE_API_KEY:
            refuse(401, f"Invalid API Key provided: {key[:4]}****{key[-4:] if len(key) > 12 else ''}")

    def _check_version(self, call: Call) -> None:
        version = call.headers.get("stripe-version")
        if version is not None and not re.fullmatch(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?", version):
            refuse(400, f"Invalid Stripe API version: {version}")

    def _idempotent(self, call: Call, request_id: str) -> Answer:
        key = call.headers.get("idempotency-key")
        if key is None:
            return self._dispatch(call, request_id)
        seen = self._replies.get(key)
        if seen is None:
            answer = self._dispatch(call, request_id)
            self._replies[key] = (call.body, call.path, answer)
            return answer
        if seen[:2] != (call.body, call.path):
            text = "Keys for idempotent requests can only be used with the same parameters they were first used with."
            raise VendorError(stripe_error(400, text, kind="idempotency_error"))
        return Answer(seen[2].body, seen[2].status, {"idempotent-replayed": "true"})

    def _dispatch(self, call: Call, request_id: str) -> Answer:
        parts = [part for part in call.path.split("/") if part]
        request: Object = {"id": request_id, "idempotency_key": call.headers.get("idempotency-key")}
        if call.method == "GET" and parts == ["v1", "account"]:
            return Answer(self._account())
        if len(parts) in (2, 3) and parts[0] == "v1" and parts[1] in FILTERS:
            kind, key = parts[1], parts[2] if len(parts) == 3 else None
            handler = self._handler(call.method, kind, key)
            if handler:
                return handler(call, kind, key or "", request)
        text = f"Unrecognized request URL ({call.method}: {call.path}). Please see https://stripe.com/docs."
        raise VendorError(stripe_error(404, text))

    def _handler(self, method: str, kind: str, key: str | None) -> Callable[[Call, str, str, Object], Answer] | None:
        if method == "GET":
            return self._list if key is None else self._get
        if kind == "customers" and method == "POST":
            return self._create if key is None else self._update
        if method == "DELETE" and key and kind in ("customers", "invoices"):
            return self._delete
        return None

    # reading -----------------------------------------------------------------------------------------------------

    def _shelf(self, kind: str) -> Shelf:
        shelf: Shelf = getattr(self._books, kind)
        return shelf

    def _list(self, call: Call, kind: str, key: str, request: Object) -> Answer:
        params = nested(call.query)
        check_names(params, LIST_PARAMS | FILTERS[kind])
        check_payment(params.get("payment"))
        limit = integer(params.get("limit", "10"), "limit")
        if not 1 <= limit <= 100:
            bound = "greater than or equal to 1" if limit < 1 else "less than or equal to 100"
            refuse(400, f"This value must be {bound}.", "limit")
        after, before = params.get("starting_after"), params.get("ending_before")
        if after is not None and before is not None:
            refuse(400, "You can only specify one of these parameters: starting_after, ending_before.")
        shelf = self._shelf(kind)
        for name, cursor in (("starting_after", after), ("ending_before", before)):
            if cursor is not None and not shelf.knows(cursor):
                self._missing(kind, cursor, name)
        wanted = self._wanted(kind, params)
        if before is not None:
            page, more = taken(shelf.newer(before), wanted, limit)
            page.reverse()
        else:
            page, more = taken(shelf.older(after), wanted, limit)
        data = [self._expand(record, params, kind) for record in page]
        return Answer({"object": "list", "data": data, "has_more": more, "url": f"/v1/{kind}"})

    def _wanted(self, kind: str, params: Params) -> Callable[[Object], bool]:
        within = created_filter(params.get("created"))
        oldest = self._sandbox.now() - EVENTS_LIVE if kind == "events" else 0

        def wanted(record: Object) -> bool:
            return record["created"] >= oldest and within(record["created"]) and matches(record, params)

        return wanted

    def _get(self, call: Call, kind: str, key: str, request: Object) -> Answer:
        params = nested(call.query)
        check_names(params, {"expand"})
        shelf = self._shelf(kind)
        held = shelf.get(key)
        if held is None and shelf.knows(key):
            return Answer({"id": key, "object": SINGULAR[kind], "deleted": True})
        if held is None or (kind == "events" and held["created"] < self._sandbox.now() - EVENTS_LIVE):
            self._missing(kind, key, "id")
        return Answer(self._expand(held, params, kind))

    def _expand(self, record: Object, params: Params, kind: str) -> Object:
        paths = [p.removeprefix("data.") for p in params.get("expand", [])]
        return expanded(self._books, record, paths, kind)

    def _missing(self, kind: str, key: str, param: str) -> NoReturn:
        refuse(404 if param == "id" else 400, f"No such {SINGULAR[kind]}: '{key}'", param, code="resource_missing")

    def _account(self) -> Object:
        return {
            "id": credentials.STRIPE_ACCOUNT,
            "object": "account",
            "business_profile": {"name": "Sandbox Goods", "url": "https://sandbox-goods.example"},
            "country": "US",
            "created": self._sandbox.world.origin - 1_200 * 86_400,
            "default_currency": "usd",
            "details_submitted": True,
            "charges_enabled": True,
            "payouts_enabled": True,
            "email": credentials.ZENDESK_EMAIL,
            "metadata": {},
            "settings": {"dashboard": {"display_name": "Sandbox Goods", "timezone": "Etc/UTC"}},
            "type": "standard",
        }

    # writing -----------------------------------------------------------------------------------------------------

    def _fields(self, call: Call) -> Params:
        fields = nested(tuple(parse_qsl(call.body.decode(), keep_blank_values=True)))
        check_names(fields, {*WRITABLE, "expand"})
        email = fields.get("email")
        if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", email):
            refuse(400, f"Invalid email address: {email}", "email", code="email_invalid")
        fields.pop("expand", None)
        check_metadata(fields.get("metadata"))
        return {name: (None if value == "" and name != "metadata" else value) for name, value in fields.items()}

    def _create(self, call: Call, kind: str, key: str, request: Object) -> Answer:
        return Answer(self._sandbox.write("stripe.create_customer", fields=self._fields(call), request=request))

    def _update(self, call: Call, kind: str, key: str, request: Object) -> Answer:
        fields = self._fields(call)
        if self._books.customers.get(key) is None:
            self._missing(kind, key, "id")
        return Answer(self._sandbox.write("stripe.update_customer", key=key, fields=fields, request=request))

    def _delete(self, call: Call, kind: str, key: str, request: Object) -> Answer:
        held = self._shelf(kind).get(key)
        if held is None:
            self._missing(kind, key, "id")
        elif kind == "invoices" and held["status"] != "draft":
            refuse(400, "You can only delete draft invoices. To void an open invoice, use the void endpoint instead.")
        return Answer(self._sandbox.write(f"stripe.delete_{SINGULAR[kind]}", key=key, request=request))
