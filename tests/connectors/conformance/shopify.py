"""Shopify: a search by time of change, paged by cursor, with a log of what was destroyed; errors mostly come with status 200."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from connectors.sandbox import credentials
from connectors.sandbox.shopify_api import ShopifyApi
from connectors.sandbox.wire import VendorApi
from tests.connectors.conformance.counterpart import SandboxCounterpart
from tests.loopback import Reply, Request


class Shopify(SandboxCounterpart):
    """Orders of guests, each with more lines than come with it."""

    type_name = "shopify"
    stream = "orders"
    bypass: ClassVar = {
        "refresh_token": "an access token of an app does not rotate",
        "retention": "an order is found by when it changed, which Shopify does not forget",
        "merge": "orders are never merged; a merge of customers is not told by the Admin API, which the connector declares",
    }
    lookback = 120
    keep = frozenset({"legacyResourceId"})

    def make_api(self) -> VendorApi:
        orders = self.sandbox.world.shopify.orders
        for order in list(orders):
            orders.remove(str(order["number"]))
        return ShopifyApi(self.sandbox)

    def settings(self) -> dict[str, Any]:
        self.monkeypatch.setenv("SHOPIFY_TOKEN", credentials.SHOPIFY_ACCESS_TOKEN)
        return {
            "base_url": self.server.base_url,
            "shop": credentials.SHOPIFY_SHOP,
            "access_token": "${SHOPIFY_TOKEN}",
            "page_size": self.page_size,
        }

    def write(self, key: str | None, mark: str, at: int) -> str:
        books = self.sandbox.world.shopify
        place = {"firstName": mark, "address1": None, "address2": None, "city": None, "zip": None, "countryCode": "US"}
        if key is not None:
            held = books.orders.get(key)
            assert held is not None
            held.update(billing=place, updatedAt=at)
            return key
        nobody = dict.fromkeys(("customer", "email", "phone", "shipping"))
        amounts = {"discounts": Decimal(0), "tax": Decimal("1.00"), "shippingPrice": Decimal(0)}
        items = [{"title": f"Thing {n}", "quantity": 1, "price": Decimal("1.10")} for n in range(12)]
        # only a test order may be deleted
        how = {"currency": "USD", "financial": "PAID", "test": True, "sourceName": "web"}
        fields = {**nobody, **amounts, **how, "billing": place, "items": items}
        return str(books.add_order(at, fields)["number"])

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        place, lines = payload.get("billingAddress"), payload.get("lineItems")
        mark = place.get("firstName") if isinstance(place, Mapping) else None
        if not isinstance(mark, str) or not mark.startswith("Mark "):
            return None
        # as it is sent, an order has but its first lines and says so; as it is kept, all of them
        whole = isinstance(lines, Mapping) and ("pageInfo" in lines or len(lines["nodes"]) == 12)
        return mark if whole else f"{mark} without all its lines"

    def delete(self, key: str, at: int) -> None:
        self.sandbox.world.shopify.delete_order(at, key)

    def touch(self, key: str) -> None:
        held = self.sandbox.world.shopify.orders.get(key)
        assert held is not None
        held["updatedAt"] = self.time

    def is_page(self, request: Request) -> bool:
        return "query Orders(" in request.json()["query"]

    def child(self, request: Request) -> bool:
        return "query Deletions(" in request.json()["query"]

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body["data"]["orders"]["nodes"]
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
        access = {"code": "ACCESS_DENIED", "requiredAccess": "`read_orders` access scope."}
        return Reply({"errors": [{"message": "Access denied for orders field.", "extensions": access}], "data": None})

    def unauthorised(self) -> Reply:
        return Reply({"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}, 401)

    def priced(self, currency: str, amount: str) -> tuple[str, str, str, dict[str, Any]]:
        total = {"shopMoney": {"amount": amount, "currencyCode": currency}}
        made = {"legacyResourceId": "1", "createdAt": "2026-09-21T12:00:00Z", "totalPriceSet": total}
        return "orders", "customer_order", "gross_amount", made


COUNTERPART = Shopify
