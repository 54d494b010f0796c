"""A small Stripe for the tests of its connector, as strict as Stripe documents itself, and what those tests ask of a connector."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from connectors.contract import Checkpoint, Page, Record
from connectors.extract import stream_of
from connectors.invoicing.stripe import API_VERSION, StripeConnector, StripeSettings
from tests.connectors import staging
from tests.loopback import Loopback, Reply, Request

KEY = "rk_live_hush"
DAY = 86_400
NOW = 1_790_000_000  # unix seconds; the server's clock is its own
SINGULAR = {
    "customers": "customer",
    "invoices": "invoice",
    "charges": "charge",
    "refunds": "refund",
    "credit_notes": "credit_note",
    "invoice_payments": "invoice_payment",
}
BORN = {"charges": "succeeded", "invoice_payments": "paid"}  # what the event of a new one is called, where not "created"
FILTERS = {
    "events": {"types[]"},
    "charges": {"payment_intent"},
    "refunds": {"charge"},
    "invoice_payments": {"payment[type]", "payment[payment_intent]"},
}


class FakeStripe:
    """As much of Stripe as a reader sees: lists newest first, events for 30 days, and an error for whatever is not documented."""

    server: Loopback

    def __init__(self) -> None:
        self.now = NOW
        self.page = 100  # lower, to have many pages of few objects; Stripe itself fills pages up to the limit
        self.objects: dict[str, list[dict[str, Any]]] = {name: [] for name in SINGULAR}
        self.events: list[dict[str, Any]] = []
        self.deleted: set[str] = set()
        self.permitted = {*SINGULAR, "events", "account"}
        self.faults: list[Callable[[Request], Reply | None]] = []
        self._serial = 0

    # what happens there

    def create(self, kind: str, **fields: Any) -> str:
        self._serial += 1
        item = {"id": f"{SINGULAR[kind][:2]}_{self._serial:04}", "object": SINGULAR[kind], "created": self.now, **fields}
        self.objects[kind].insert(0, item)
        self.happen(f"{SINGULAR[kind]}.{BORN.get(kind, 'created')}", item)
        return str(item["id"])

    def update(self, kind: str, object_id: str, **fields: Any) -> None:
        item = self.find(kind, object_id)
        item.update(fields)
        self.happen(f"{SINGULAR[kind]}.updated", item)

    def delete(self, kind: str, object_id: str) -> None:
        item = self.find(kind, object_id)
        self.objects[kind].remove(item)
        self.deleted.add(object_id)
        self.happen(f"{SINGULAR[kind]}.deleted", item)

    def happen(self, type_name: str, about: dict[str, Any], created: int | None = None) -> None:
        self._serial += 1
        event = {"id": f"evt_{self._serial:04}", "object": "event", "created": self.now if created is None else created}
        # the object as it was in the API version of the day: not to be relied on
        self.events.insert(0, {**event, "type": type_name, "data": {"object": {**about, "as_it_was": True}}})
        self.events.sort(key=lambda e: e["created"], reverse=True)

    def find(self, kind: str, object_id: str) -> dict[str, Any]:
        return next(item for item in self.objects[kind] if item["id"] == object_id)

    # what it answers

    def __call__(self, request: Request) -> Reply:
        for fault in list(self.faults):
            reply = fault(request)
            if reply is not None:
                return reply
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return refusal(401, "invalid_request_error")
        if request.headers.get("stripe-version") != API_VERSION:
            return refusal(400, "invalid_version")
        _, version, kind, *rest = request.path.split("/")
        if version != "v1" or (kind not in self.objects and kind not in ("events", "account")):
            return refusal(404, "url_invalid")
        if kind not in self.permitted:
            return refusal(403, "more_permissions_required")
        if kind == "account":
            return Reply({"id": "acct_1", "object": "account"})
        return self._one(kind, rest[0], request.query) if rest else self._list(kind, request.query)

    def _one(self, kind: str, object_id: str, query: dict[str, list[str]]) -> Reply:
        if set(query) - {"expand[]"}:
            return refusal(400, "parameter_unknown")
        for item in self.objects[kind]:
            if item["id"] == object_id:
                return Reply(shown(item, "tax_ids" in query.get("expand[]", [])))
        if kind == "customers" and object_id in self.deleted:
            return Reply({"id": object_id, "object": "customer", "deleted": True})
        return refusal(404, "resource_missing")

    def _list(self, kind: str, query: dict[str, list[str]]) -> Reply:
        allowed = {"limit", "starting_after", "created[gte]", "created[lt]", "created[lte]", "expand[]"} | FILTERS.get(kind, set())
        if set(query) - allowed:
            return refusal(400, "parameter_unknown")
        limit, types = int(query.get("limit", ["10"])[0]), query.get("types[]", [])
        if not 1 <= limit <= 100 or len(types) > 20:
            return refusal(400, "parameter_invalid_integer")
        items = self.objects.get(kind, self.events)
        if kind == "events":
            items = [e for e in items if e["created"] > self.now - 30 * DAY and (not types or e["type"] in types)]
        if "created[gte]" in query:
            items = [i for i in items if i["created"] >= int(query["created[gte]"][0])]
        if "created[lte]" in query:
            items = [i for i in items if i["created"] <= int(query["created[lte]"][0])]
        if "created[lt]" in query:
            items = [i for i in items if i["created"] < int(query["created[lt]"][0])]
        for name in (FILTERS.get(kind, set()) - {"types[]"}) & set(query):
            place = name.removeprefix("payment[").removesuffix("]")
            items = [i for i in items if (i["payment"] if "[" in name else i).get(place) == query[name][0]]
        if "starting_after" in query:
            position = [n for n, i in enumerate(items) if i["id"] == query["starting_after"][0]]
            if not position:
                return refusal(400, "resource_missing")
            items = items[position[0] + 1 :]
        limit = min(limit, self.page)
        data = [shown(item, "data.tax_ids" in query.get("expand[]", [])) for item in items[:limit]]
        return Reply({"object": "list", "url": f"/v1/{kind}", "has_more": len(items) > limit, "data": data})


def shown(item: dict[str, Any], with_tax_ids: bool) -> dict[str, Any]:
    """An object as Stripe shows it: a customer's tax IDs only when asked."""
    return {name: value for name, value in item.items() if name != "tax_ids" or with_tax_ids}


def refusal(status: int, code: str) -> Reply:
    return Reply({"error": {"type": "invalid_request_error", "code": code, "message": f"Invalid: {KEY} jane@example.com"}}, status)


def connect(fake: FakeStripe, **fields: Any) -> StripeConnector:
    retry = {"attempts": 3, "backoff_seconds": 0, "timeout_seconds": 5}
    config = {"type": "stripe", "api_key": "${STRIPE_API_KEY}", "base_url": fake.server.base_url, "retry": retry}
    return StripeConnector("billing", StripeSettings.model_validate({**config, **fields}))


def pages(connector: StripeConnector, stream: str, checkpoint: Checkpoint | None = None) -> list[Page]:
    # a checkpoint is kept as JSON between readings
    kept = None if checkpoint is None else json.loads(json.dumps(checkpoint))
    return list(stream_of(connector, stream).read(kept))


def read(connector: StripeConnector, stream: str, checkpoint: Checkpoint | None = None) -> tuple[list[Record], Checkpoint | None]:
    found = pages(connector, stream, checkpoint)
    return [record for page in found for record in page.records], found[-1].checkpoint if found else checkpoint


def ids(records: list[Record]) -> list[tuple[str, str]]:
    return [(record.id, record.op) for record in records]


def asked(fake: FakeStripe, stream: str = "") -> list[str]:
    """The paths asked for; of one stream only, if named."""
    return [r.path for r in fake.server.requests if stream in r.path]


def window(connector: StripeConnector, stream: str, since: float, until: float) -> Iterator[Page]:
    """The pages of a window of time, given in unix seconds."""
    read_window = stream_of(connector, stream).window
    assert read_window is not None
    return read_window(datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC))


def mapped(stream: str, table: str, *payloads: dict[str, Any]) -> list[dict[str, str]]:
    """What the mapping makes of objects, without what it leaves open."""
    return staging.told(staging.mapped(StripeConnector("s", None), stream, table, *payloads, key="id"))
