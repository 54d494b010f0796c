"""Shopify: searches by time of change, paged by cursor, with a log of what was destroyed; errors mostly come with status 200."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from connectors.sandbox import credentials
from connectors.sandbox.shelf import Shelf
from connectors.sandbox.shopify_api import ShopifyApi
from connectors.sandbox.shopify_books import ShopifyBooks
from connectors.sandbox.wire import VendorApi
from connectors.sandbox.world import World
from tests.connectors.conformance.counterpart import SandboxCounterpart
from tests.connectors.conformance.vendor import SEED, marked
from tests.loopback import Reply, Request


class Shopify(SandboxCounterpart):
    """What both streams have in common."""

    type_name = "shopify"
    bypass: ClassVar = {
        "refresh_token": "an access token of an app does not rotate",
        "retention": "a record is found by when it changed, which Shopify does not forget",
    }
    lookback = 120
    keep = frozenset({"legacyResourceId"})

    def open_books(self, world: World) -> None:
        world.shopify = self.books = ShopifyBooks(SEED)

    def make_api(self) -> VendorApi:
        return ShopifyApi(self.sandbox)

    def settings(self) -> dict[str, Any]:
        self.monkeypatch.setenv("SHOPIFY_TOKEN", credentials.SHOPIFY_ACCESS_TOKEN)
        return {
            "base_url": self.server.base_url,
            "shop": credentials.SHOPIFY_SHOP,
            "access_token": "${SHOPIFY_TOKEN}",
            "page_size": self.page_size,
        }

    def touch(self, key: str) -> None:
        shelf: Shelf = getattr(self.books, self.stream)
        held = shelf.get(key)
        assert held is not None
        held["updatedAt"] = self.time

    def is_page(self, request: Request) -> bool:
        return f"query {self.stream.capitalize()}(" in request.json()["query"]

    def child(self, request: Request) -> bool:
        return "query Deletions(" in request.json()["query"]

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body["data"][self.stream]["nodes"]
        return found

    def shifted(self, request: Request, seconds: int) -> Request:
        body = request.json()
        search = body["variables"].get("query")
        if not self.is_page(request) or search is None:
            return request

        def moved(found: re.Match[str]) -> str:
            moment = datetime.fromisoformat(found[0]) + timedelta(seconds=seconds)
            return moment.isoformat().replace("+00:00", "Z")

        body["variables"]["query"] = re.sub(r"\d{4}-\d\d-\d\dT[^']+", moved, search)
        return replace(request, body=json.dumps(body).encode())

    def throttles(self) -> dict[str, Callable[[], Reply]]:
        status = {"maximumAvailable": 2000.0, "currentlyAvailable": 100, "restoreRate": 100.0}
        cost = {"requestedQueryCost": 800, "actualQueryCost": None, "throttleStatus": status}
        errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
        return {
            **super().throttles(),
            "200 by cost": lambda: Reply({"errors": errors, "extensions": {"cost": cost}}),
            "200 without a cost": lambda: Reply({"errors": errors}),
        }

    def forbidden(self) -> Reply:
        access = {"code": "ACCESS_DENIED", "requiredAccess": f"`read_{self.stream}` access scope."}
        return Reply({"errors": [{"message": f"Access denied for {self.stream} field.", "extensions": access}], "data": None})

    def unauthorised(self) -> Reply:
        return Reply({"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}, 401)


class Orders(Shopify):
    """Orders of guests, each with more lines than come with it."""

    stream = "orders"
    bypass: ClassVar = {**Shopify.bypass, "merge": "orders are never merged into each other"}

    def write(self, key: str | None, mark: str, at: int) -> str:
        place = {"firstName": mark, "address1": None, "address2": None, "city": None, "zip": None, "countryCode": "US"}
        if key is not None:
            held = self.books.orders.get(key)
            assert held is not None
            held.update(billing=place, updatedAt=at)
            return key
        nobody = dict.fromkeys(("customer", "email", "phone", "shipping"))
        amounts = {"discounts": Decimal(0), "tax": Decimal("1.00"), "shippingPrice": Decimal(0)}
        items = [{"title": f"Thing {n}", "quantity": 1, "price": Decimal("1.10")} for n in range(12)]
        # only a test order may be deleted
        how = {"currency": "USD", "financial": "PAID", "test": True, "sourceName": "web"}
        fields = {**nobody, **amounts, **how, "billing": place, "items": items}
        return str(self.books.add_order(at, fields)["number"])

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        place, lines = payload.get("billingAddress"), payload.get("lineItems")
        mark = marked(place.get("firstName")) if isinstance(place, Mapping) else None
        # as it is sent, an order has but its first lines and says so; as it is kept, all of them
        whole = isinstance(lines, Mapping) and ("pageInfo" in lines or len(lines["nodes"]) == 12)
        return mark if mark is None or whole else f"{mark} without all its lines"

    def delete(self, key: str, at: int) -> None:
        self.books.delete_order(at, key)

    def priced(self, currency: str, amount: str) -> tuple[str, str, dict[str, Any]]:
        total = {"shopMoney": {"amount": amount, "currencyCode": currency}}
        made = {"legacyResourceId": "1", "createdAt": "2026-09-21T12:00:00Z", "totalPriceSet": total}
        return "customer_order", "gross_amount", made


class Customers(Shopify):
    """Customers without orders, who alone may be deleted."""

    stream = "customers"
    bypass: ClassVar = {
        **Shopify.bypass,
        "merge": "a merge of customers is not told by the Admin API, which the connector declares",
        "money": "customers bear no amounts",
    }
    mark_at = ("firstName",)

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            return str(self.books.add_customer(at, {"firstName": mark})["number"])
        self.books.update_customer(at, key, {"firstName": mark})
        return key

    def delete(self, key: str, at: int) -> None:
        self.books.delete_customer(at, key)


COUNTERPARTS = (Orders, Customers)
