"""How customers, orders and events look in GraphQL: dictionaries under the schema's names.

A value that costs something, or takes arguments, is a function that graphql-core calls when the field is asked for.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connectors.sandbox import credentials
from connectors.sandbox.money import converted
from connectors.sandbox.shelf import Object
from connectors.sandbox.shopify_books import SHOP_CURRENCY, ShopifyBooks
from connectors.sandbox.shopify_lines import lines_of
from connectors.sandbox.shopify_metafields import digest, held_by
from connectors.sandbox.shopify_pages import Pages
from connectors.sandbox.shopify_visits import visited
from connectors.sandbox.zendesk_books import iso

_AS_HELD = ("firstName", "lastName", "email", "phone", "locale", "note", "tags", "taxExempt", "state")


def gid(kind: str, number: int) -> str:
    """gid://shopify/Customer/123."""
    return f"gid://shopify/{kind}/{number}"


def amount(value: Decimal) -> str:
    """A decimal as Shopify writes it: no trailing zeros but one decimal at least."""
    text = f"{value.normalize():f}"
    return text if "." in text else f"{text}.0"


def _when(at: int | None) -> str | None:
    return None if at is None else iso(at)


class Views:
    """The shop's objects as GraphQL shows them."""

    def __init__(self, books: ShopifyBooks, pages: Pages) -> None:
        self._books, self._pages = books, pages

    def shop(self) -> Object:
        """The shop."""
        return {
            "__typename": "Shop",
            "id": gid("Shop", 61_000_000_001),
            "name": "Sandbox Goods",
            "email": credentials.ZENDESK_EMAIL,
            "myshopifyDomain": f"{credentials.SHOPIFY_SHOP}.myshopify.com",
            "currencyCode": SHOP_CURRENCY,
            "ianaTimezone": "America/New_York",
            "createdAt": "2021-02-03T10:00:00Z",
        }

    # customers ---------------------------------------------------------------------------------------------------

    def customer(self, record: Object | None) -> Object | None:
        """A customer."""
        if record is None:
            return None
        number, places = record["number"], record["addresses"]
        orders = self._books.orders_of.get(number, [])
        return {
            "__typename": "Customer",
            **{
                name: record[name]
                for name in ("firstName", "lastName", "email", "phone", "locale", "note", "tags", "taxExempt", "state")
            },
            "id": gid("Customer", number),
            "legacyResourceId": str(number),
            "createdAt": iso(record["createdAt"]),
            "updatedAt": iso(record["updatedAt"]),
            "displayName": " ".join(filter(None, (record["firstName"], record["lastName"]))) or record["email"] or record["phone"],
            "verifiedEmail": record["email"] is not None and record["state"] == "ENABLED",
            "defaultEmailAddress": self._email(record),
            "defaultPhoneNumber": self._phone(record),
            "defaultAddress": self.address(places[0]) if places else None,
            "addresses": lambda info, first=None: [self.address(place) for place in places[:first]],
            "addressesV2": lambda info, **args: self._pages.plain(args, places, self.address),
            "numberOfOrders": str(len(orders)),
            "amountSpent": lambda info: self._spent(orders),
            "orders": lambda info, **args: self._pages.orders(args, orders, self.order),
            "lastOrder": lambda info: self.order(orders[-1]) if orders else None,
            "metafield": lambda info, key, namespace="$app": self.metafield(gid("Customer", number), namespace, key),
            "metafields": lambda info, keys=None, **args: self._metafields(gid("Customer", number), keys, args),
            "events": lambda info, **args: self._pages.events(args, self._events_of(number), self.event),
        }

    def _metafields(self, owner: str, keys: list[str] | None, args: Object) -> Object:
        held = [f for f in held_by(self._books, owner) if args.get("namespace") in (None, f["namespace"])]
        if keys is None:
            return self._pages.plain(args, held, self.metafield_view)
        named = [f for f in held if f"{f['namespace']}.{f['key']}" in keys]
        # asked for as namespace.key, they are returned so
        return self._pages.plain(args, named, lambda f: {**self.metafield_view(f), "key": f"{f['namespace']}.{f['key']}"})

    @staticmethod
    def _email(record: Object) -> Object | None:
        if not record["email"]:
            return None
        consent = {"marketingState": record["marketing"], "marketingOptInLevel": None, "marketingUpdatedAt": None}
        return {"emailAddress": record["email"], "validFormat": True, **consent}

    @staticmethod
    def _phone(record: Object) -> Object | None:
        if not record["phone"]:
            return None
        consent = {"marketingState": "NOT_SUBSCRIBED", "marketingOptInLevel": None, "marketingUpdatedAt": None}
        sms = {"state": "NEVER_SUBSCRIBED", "optInLevel": None, "updatedAt": None}
        return {"phoneNumber": record["phone"], "smsMarketingConsent": sms, **consent}

    @staticmethod
    def _spent(orders: list[Object]) -> Object:
        paid = (o["total"] - o["refunded"] for o in orders if o["cancelledAt"] is None)
        return {"amount": amount(sum(paid, Decimal(0))), "currencyCode": SHOP_CURRENCY}

    def _events_of(self, number: int) -> list[Object]:
        return [event for event in self._books.events if event["subject"] == number]

    @staticmethod
    def address(place: Object | None) -> Object | None:
        """A mailing address."""
        if place is None:
            return None
        name = " ".join(filter(None, (place.get("firstName"), place.get("lastName")))) or None
        lines = [place.get("address1"), place.get("address2"), place.get("city"), place.get("zip"), place.get("country")]
        return {
            "__typename": "MailingAddress",
            **place,
            "id": gid("MailingAddress", place.get("number", 0)),
            "name": name,
            "countryCodeV2": place.get("countryCode"),
            "formatted": lambda info, **args: [line for line in lines if line],
        }

    def metafield(self, owner: str, namespace: str, key: str) -> Object | None:
        """A metafield of an object."""
        held = self._books.metafields.get(f"{owner} {namespace} {key}")
        return self.metafield_view(held) if held else None

    def metafield_view(self, held: Object) -> Object:
        """A metafield."""
        times = {"createdAt": iso(held["createdAt"]), "updatedAt": iso(held["updatedAt"])}
        return {
            "__typename": "Metafield",
            **{name: held[name] for name in ("namespace", "key", "type", "value")},
            "id": gid("Metafield", held["number"]),
            "legacyResourceId": str(held["number"]),
            "compareDigest": digest(held),
            "owner": lambda info: self.customer(self._books.customers.get(held["owner"].rpartition("/")[2])),
            **times,
        }

    # orders ------------------------------------------------------------------------------------------------------

    def order(self, record: Object | None) -> Object | None:
        """An order."""
        if record is None:
            return None
        number = record["number"]
        return {
            "__typename": "Order",
            "id": gid("Order", number),
            "legacyResourceId": str(number),
            "name": f"#{record['orderNumber']}",
            "number": record["orderNumber"],
            **{f"{name}At": _when(record[f"{name}At"]) for name in ("created", "processed", "updated", "cancelled", "closed")},
            "cancelReason": record["cancelReason"],
            "closed": record["closedAt"] is not None,
            "confirmed": True,
            **{name: record.get(name) for name in ("test", "email", "phone", "note", "sourceName")},
            "tags": record.get("tags") or [],
            "poNumber": None,
            "currencyCode": SHOP_CURRENCY,
            "presentmentCurrencyCode": record["currency"],
            "displayFinancialStatus": record["financial"],
            "displayFulfillmentStatus": record["fulfillment"],
            "fullyPaid": record["financial"] in ("PAID", "PARTIALLY_REFUNDED", "REFUNDED"),
            "unpaid": record["financial"] in ("PENDING", "AUTHORIZED", "VOIDED"),
            "taxesIncluded": False,
            "customerLocale": "en",
            "discountCodes": ["WELCOME10"] if record["discounts"] else [],
            "customer": lambda info: self.customer(self._books.customers.get(str(record["customer"]))),
            "billingAddress": lambda info: self.address(record["billing"]),
            "shippingAddress": lambda info: self.address(record["shipping"]),
            "customerJourneySummary": lambda info: self._journey(record),
            "lineItems": lambda info, **args: self._pages.plain(args, lines_of(record), self._line),
            "refunds": lambda info, first=None: [self._refund(record, one) for one in record["refunds"][:first]],
            "events": lambda info, **args: self._pages.events(args, self._events_of(number), self.event),
            **self._sums(record),
        }

    @staticmethod
    def _sums(record: Object) -> Object:
        currency = record["currency"]
        gone = record["refunded"]
        void = record["cancelledAt"] is not None
        paid = Decimal(0) if record["financial"] in ("PENDING", "AUTHORIZED", "VOIDED") else record["total"]
        left = Decimal(0) if void else record["total"] - gone
        values = {
            "subtotalPriceSet": record["subtotal"],
            "totalPriceSet": record["total"],
            "originalTotalPriceSet": record["total"],
            "currentTotalPriceSet": left,
            "currentSubtotalPriceSet": Decimal(0) if void else max(Decimal(0), record["subtotal"] - gone),
            "currentTotalTaxSet": Decimal(0) if void else record["tax"],
            "currentTotalDiscountsSet": Decimal(0) if void else record["discounts"],
            "totalDiscountsSet": record["discounts"],
            "totalTaxSet": record["tax"],
            "totalShippingPriceSet": record["shippingPrice"],
            "totalRefundedSet": gone,
            "totalReceivedSet": paid,
            "totalOutstandingSet": Decimal(0) if void else record["total"] - paid,
            "netPaymentSet": paid - gone,
        }
        return {name: _bag(value, currency) for name, value in values.items()}

    def _journey(self, record: Object) -> Object:
        seen = visited(record, self._books.seed)
        return {"ready": True, "customerOrderIndex": None, "daysToConversion": seen and 0, "firstVisit": seen, "lastVisit": seen}

    @staticmethod
    def _line(line: Object) -> Object:
        currency = line["currency"]
        taxed = line["total"] - line["discount"]
        rate = float(round(line["tax"] / taxed, 4)) if taxed else 0.0
        tax = {"title": "Tax", "rate": rate, "ratePercentage": round(rate * 100, 2), "priceSet": _bag(line["tax"], currency)}
        discount = _bag(line["discount"], currency)
        return {
            "__typename": "LineItem",
            "id": gid("LineItem", line["number"]),
            "title": line["title"],
            "name": line["title"],
            "sku": line["sku"],
            "quantity": line["quantity"],
            "currentQuantity": line["currentQuantity"],
            "originalUnitPriceSet": _bag(line["price"], currency),
            "originalTotalSet": _bag(line["total"], currency),
            "totalDiscountSet": discount,
            "discountAllocations": [{"allocatedAmountSet": discount}] if line["discount"] else [],
            "taxable": bool(line["tax"]),
            "taxLines": lambda info, first=None: [tax][:first] if line["tax"] else [],
        }

    def _refund(self, order: Object, refund: Object) -> Object:
        when = iso(refund["at"])
        return {
            "__typename": "Refund",
            "id": gid("Refund", refund["number"]),
            "legacyResourceId": str(refund["number"]),
            "createdAt": when,
            "processedAt": when,
            "updatedAt": when,
            "note": None,
            "order": lambda info: self.order(order),
            "totalRefundedSet": _bag(refund["amount"], order["currency"]),
        }

    # events ------------------------------------------------------------------------------------------------------

    @staticmethod
    def event(record: Object) -> Object:
        """An event of the shop."""
        kind = record["subjectType"].capitalize()
        return {
            "__typename": "BasicEvent",
            "id": gid("BasicEvent", record["number"]),
            "action": record["action"],
            "appTitle": None,
            "attributeToApp": False,
            "attributeToUser": False,
            "createdAt": iso(record["createdAt"]),
            "criticalAlert": False,
            "message": f"{kind} {'was deleted' if record['action'] == 'destroy' else 'was created'}.",
            "subjectId": gid(kind, record["subject"]),
            "subjectType": record["subjectType"],
        }


def _bag(value: Decimal, currency: str) -> Any:
    def bag(info: object) -> Object:
        return {
            "shopMoney": {"amount": amount(value), "currencyCode": SHOP_CURRENCY},
            "presentmentMoney": {"amount": amount(converted(value, SHOP_CURRENCY, currency)), "currencyCode": currency},
        }

    return bag
