"""Stripe: a list that cannot be filtered by change, and a feed of events that is kept for 30 days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from connectors.sandbox import credentials
from connectors.sandbox.stripe_api import StripeApi
from connectors.sandbox.wire import VendorApi
from tests.connectors.conformance.counterpart import SandboxCounterpart, asked
from tests.loopback import Reply, Request

_MINOR = {"JPY": 1, "KWD": 1000}


class Stripe(SandboxCounterpart):
    """Customers of a Stripe account."""

    type_name = "stripe"
    stream = "customers"
    bypass: ClassVar = {
        "refresh_token": "an API key does not rotate",
        "empty_page": "the next page is asked for by this one's last record; an empty page that promises more is a clear error",
        "child": "an object is read with the right to its list",
        "touch": "Stripe raises no event for an update that changes nothing",
        "merge": "Stripe does not merge customers",
    }
    lookback = 300

    def make_api(self) -> VendorApi:
        self.monkeypatch.setattr("connectors.invoicing.stripe.PAGE", self.page_size)
        return StripeApi(self.sandbox)

    def settings(self) -> dict[str, Any]:
        self.monkeypatch.setenv("STRIPE_API_KEY", credentials.STRIPE_API_KEY)
        return {"base_url": self.server.base_url, "api_key": "${STRIPE_API_KEY}"}

    def write(self, key: str | None, mark: str, at: int) -> str:
        books = self.sandbox.world.stripe
        if key is None:
            return str(books.add_customer(at, {"name": mark})["id"])
        books.update_customer(at, key, {"name": mark})
        return key

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        name = payload.get("name")
        return name if isinstance(name, str) and name.startswith("Mark ") else None

    def delete(self, key: str, at: int) -> None:
        self.sandbox.world.stripe.delete_customer(at, key)

    def is_page(self, request: Request) -> bool:
        return request.path.startswith("/v1/customers")

    def refused(self, request: Request) -> bool:
        return request.path.startswith(("/v1/customers", "/v1/events"))

    def records_in(self, body: Any) -> list[Any]:
        return list(body["data"]) if "data" in body else [body]

    def shifted(self, request: Request, seconds: int) -> Request:
        since = request.query.get("created[gte]")
        return asked(request, **{"created[gte]": str(int(since[0]) + seconds)}) if since else request

    def forbidden(self) -> Reply:
        return Reply({"error": {"type": "invalid_request_error", "message": "The provided key does not have access"}}, 403)

    def expired(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        away = timedelta(days=40)
        checked = datetime.fromisoformat(checkpoint["checked"]) - away
        events = self.sandbox.world.stripe.events
        for event in list(events):
            events.remove(event["id"])  # the feed forgets
        return {**checkpoint, "watermark": checkpoint["watermark"] - int(away.total_seconds()), "checked": checked.isoformat()}

    def priced(self, currency: str, amount: str) -> tuple[str, str, str, dict[str, Any]]:
        minor = int(Decimal(amount) * _MINOR.get(currency, 100))
        bill = {"id": "in_1", "currency": currency.lower(), "total": minor, "created": self.time, "status": "paid", "customer": "c"}
        return "invoices", "invoice", "total_amount", bill


COUNTERPART = Stripe
