"""WooCommerce: orders by a watermark that leaves its own second out, paged by offset, with a trash beside them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from connectors.sandbox.wire import VendorApi
from connectors.sandbox.woocommerce import SYSTEM
from connectors.sandbox.woocommerce.api import WooApi
from connectors.sandbox.woocommerce.books import WooBooks
from tests.connectors.conformance.counterpart import SandboxCounterpart, asked
from tests.loopback import Reply, Request

_LINE = {"name": "Canvas tote", "product_id": 101, "sku": "SG-001", "quantity": 1}
_PRICE = {"subtotal": Decimal("19.00"), "total": Decimal("19.00"), "tax": Decimal("1.90")}


class WooCommerce(SandboxCounterpart):
    """Orders of a shop; each has a refund, so that each has a part of its own to be asked for."""

    type_name = "woocommerce"
    stream = "orders"
    bypass: ClassVar = {
        "refresh_token": "a consumer key does not rotate",
        "retention": "the shop keeps no feed of changes that could run out",
        "merge": "WooCommerce merges neither orders nor customers",
    }
    lookback = 120

    def make_api(self) -> VendorApi:
        for order in list(self.books.orders):
            self.books.erase_order(self.time, str(order["id"]))
        return WooApi(self.sandbox)

    @property
    def books(self) -> WooBooks:
        books: WooBooks = self.sandbox.world.books["woocommerce"]
        return books

    def settings(self) -> dict[str, Any]:
        for name, value in SYSTEM.env.items():
            self.monkeypatch.setenv(name, value)
        return {**SYSTEM.source, "base_url": self.server.base_url, "per_page": self.page_size}

    def write(self, key: str | None, mark: str, at: int) -> str:
        billing = {"first_name": mark, "email": "someone@quickmail.example"}
        if key is not None:
            return str(self.books.update_order(at, key, {"billing": billing})["id"])
        made = self.books.add_order(at, {"customer": 0, "billing": billing, "lines": [{**_LINE, **_PRICE}], "status": "completed"})
        self.books.add_refund(at, str(made["id"]), Decimal("5.00"), "damaged")
        return str(made["id"])

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        billing = payload.get("billing")
        name = billing.get("first_name") if isinstance(billing, Mapping) else None
        return name if isinstance(name, str) and name.startswith("Mark ") else None

    def delete(self, key: str, at: int) -> None:
        self.books.trash_order(at, key)

    def touch(self, key: str) -> None:
        self.books.update_order(self.time, key, {"meta_data": []})

    def is_page(self, request: Request) -> bool:
        return request.path.endswith("/orders") and request.query.get("_fields") is None

    def refused(self, request: Request) -> bool:
        return request.path.endswith("/orders")

    def child(self, request: Request) -> bool:
        return request.path.endswith("/refunds")

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body
        return found

    def shifted(self, request: Request, seconds: int) -> Request:
        after = request.query.get("modified_after")
        if after is None:
            return request
        moved = datetime.fromisoformat(after[0]).replace(tzinfo=UTC) + timedelta(seconds=seconds)
        return asked(request, modified_after=moved.strftime("%Y-%m-%dT%H:%M:%S"))

    def forbidden(self) -> Reply:
        text = "Sorry, you cannot list resources."
        return Reply({"code": "woocommerce_rest_cannot_view", "message": text, "data": {"status": 403}}, 403)

    def priced(self, currency: str, amount: str) -> tuple[str, str, str, dict[str, Any]]:
        made = {"id": 1, "status": "completed", "currency": currency, "total": amount, "customer_id": 0}
        return "orders", "customer_order", "gross_amount", {**made, "date_created_gmt": "2026-09-21T12:00:00"}


COUNTERPART = WooCommerce
