"""WooCommerce: lists paged by offset. Orders are asked for by a watermark that leaves its own second out, with a trash beside them;
customers whole each time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from connectors.sandbox.wire import VendorApi
from connectors.sandbox.woocommerce import SYSTEM
from connectors.sandbox.woocommerce.api import WooApi
from connectors.sandbox.woocommerce.books import WooBooks
from connectors.sandbox.world import World
from tests.connectors.conformance.counterpart import SandboxCounterpart
from tests.connectors.conformance.vendor import NOW, SEED, asked
from tests.loopback import Reply, Request

_LINE = {"name": "Canvas tote", "product_id": 101, "sku": "SG-001", "quantity": 1}
_PRICE = {"subtotal": Decimal("19.00"), "total": Decimal("19.00"), "tax": Decimal("1.90")}


class WooCommerce(SandboxCounterpart):
    """What both streams have in common."""

    type_name = "woocommerce"
    bypass: ClassVar = {
        "refresh_token": "a consumer key does not rotate",
        "retention": "the shop keeps no feed of changes that could run out",
        "merge": "WooCommerce merges neither orders nor customers",
    }

    def open_books(self, world: World) -> None:
        self.books = world.books["woocommerce"] = WooBooks(SEED, NOW)

    def make_api(self) -> VendorApi:
        return WooApi(self.sandbox)

    def settings(self) -> dict[str, Any]:
        for name, value in SYSTEM.env.items():
            self.monkeypatch.setenv(name, value)
        return {**SYSTEM.source, "base_url": self.server.base_url, "per_page": self.page_size}

    def is_page(self, request: Request) -> bool:
        return self.refused(request) and request.query.get("_fields") is None

    def refused(self, request: Request) -> bool:
        return request.path.endswith(f"/{self.stream}")

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body
        return found

    def forbidden(self) -> Reply:
        text = "Sorry, you cannot list resources."
        return Reply({"code": "woocommerce_rest_cannot_view", "message": text, "data": {"status": 403}}, 403)


class Orders(WooCommerce):
    """Orders of guests; each has a refund, so that each has a part of its own to be asked for."""

    stream = "orders"
    lookback = 120
    mark_at = ("billing", "first_name")

    def write(self, key: str | None, mark: str, at: int) -> str:
        billing = {"first_name": mark, "email": "someone@quickmail.example"}
        if key is not None:
            return str(self.books.update_order(at, key, {"billing": billing})["id"])
        made = self.books.add_order(at, {"customer": 0, "billing": billing, "lines": [{**_LINE, **_PRICE}], "status": "completed"})
        self.books.add_refund(at, str(made["id"]), Decimal("5.00"), "damaged")
        return str(made["id"])

    def delete(self, key: str, at: int) -> None:
        self.books.trash_order(at, key)

    def touch(self, key: str) -> None:
        self.books.update_order(self.time, key, {"meta_data": []})

    def child(self, request: Request) -> bool:
        return request.path.endswith("/refunds")

    def shifted(self, request: Request, seconds: int) -> Request:
        after = request.query.get("modified_after")
        if after is None:
            return request
        moved = datetime.fromisoformat(after[0]).replace(tzinfo=UTC) + timedelta(seconds=seconds)
        return asked(request, modified_after=moved.strftime("%Y-%m-%dT%H:%M:%S"))

    def priced(self, currency: str, amount: str) -> tuple[str, str, dict[str, Any]]:
        made = {"id": 1, "status": "completed", "currency": currency, "total": amount, "customer_id": 0}
        return "customer_order", "gross_amount", {**made, "date_created_gmt": "2026-09-21T12:00:00"}


class Customers(WooCommerce):
    """Users of a shop, its staff among them, all of whom are read each time."""

    stream = "customers"
    bypass: ClassVar = {
        **WooCommerce.bypass,
        "boundary": "customers cannot be asked for by time; all are read each time",
        "late": "all customers are read each time, so that none can be late",
        "backfill": "customers cannot be asked for by time; they can only be read whole",
        "child": "a customer is read in one piece",
        "money": "customers bear no amounts",
    }
    mark_at = ("first_name",)

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is not None:
            return str(self.books.update_customer(at, key, {"first_name": mark})["id"])
        email = f"{mark.replace(' ', '.').lower()}@quickmail.example"
        return str(self.books.add_customer(at, {"first_name": mark, "email": email})["id"])

    def delete(self, key: str, at: int) -> None:
        self.books.delete_customer(at, key)

    def touch(self, key: str) -> None:
        self.books.update_customer(self.time, key, {"meta_data": []})


COUNTERPARTS = (Orders, Customers)
