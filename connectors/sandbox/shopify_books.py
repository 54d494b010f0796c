"""Shopify's books: customers, orders and the events of the shop. How they look in GraphQL is shopify_views.py.

Money is `Decimal` in the shop's currency; times are unix seconds; keys are the numeric legacy IDs. E-mails and phones of customers
are unique in a shop, and a customer with orders cannot be deleted.
"""

from __future__ import annotations

import re
from decimal import Decimal

from connectors.sandbox.draw import number_below
from connectors.sandbox.shelf import Object, Shelf

SHOP_CURRENCY = "USD"
_FIRST_NUMBER = {
    "Customer": 7_120_000_000_000,
    "Order": 5_480_000_000_000,
    "Event": 96_000_000_000_000,
    "Address": 8_300_000_000_000,
    "Refund": 870_000_000_000,
}
CUSTOMER_FIELDS = ("firstName", "lastName", "email", "phone", "locale", "note", "tags", "addresses", "taxExempt")


class UserError(Exception):
    """Shopify understood the mutation and refuses it.

    Args:
        field: path in the input, e.g. ``["input", "email"]``; None for the whole.
        code, element: what mutations of many inputs say beside: the error's code, and which input it is about.
    """

    def __init__(self, field: list[str] | None, message: str, code: str = "INVALID", element: int | None = None) -> None:
        super().__init__(message)
        self.field, self.message, self.code, self.element = field, message, code, element


class ShopifyBooks:
    """Everything of one shop."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.customers, self.orders, self.events = Shelf(), Shelf(), Shelf()
        self.orders_of: dict[int, list[Object]] = {}
        self.metafields: dict[str, Object] = {}
        self._by_email: dict[str, int] = {}
        self._by_phone: dict[str, int] = {}
        self._numbers = dict(_FIRST_NUMBER)
        self._order_number = 1_000

    def _new_number(self, kind: str) -> int:
        gap = 1 + number_below(self.seed, f"shopify {kind}", self._numbers[kind], 100_000)
        self._numbers[kind] += gap
        return self._numbers[kind]

    # customers ---------------------------------------------------------------------------------------------------

    def free_email(self, email: str | None) -> bool:
        """True if no customer has that e-mail."""
        return (email or "").lower() not in self._by_email

    def free_phone(self, phone: str | None) -> bool:
        """True if no customer has that phone."""
        return (phone or "") not in self._by_phone

    def find_customer(self, email: str | None = None, phone: str | None = None) -> Object | None:
        """The customer with that e-mail or phone."""
        number = self._by_email.get((email or "").lower()) or self._by_phone.get(phone or "")
        return self.customers.get(str(number)) if number else None

    def add_customer(self, at: int, fields: Object) -> Object:
        """A new customer. Raises `UserError`."""
        if not any(fields.get(name) for name in ("firstName", "lastName", "email", "phone")):
            raise UserError(None, "A name, phone number, or email address must be present")
        made: Object = {
            "number": self._new_number("Customer"),
            "firstName": None,
            "lastName": None,
            "email": None,
            "phone": None,
            "locale": "en",
            "note": None,
            "tags": [],
            "addresses": [],
            "taxExempt": False,
            "state": fields.get("state", "DISABLED"),
            "marketing": fields.get("marketing", "NOT_SUBSCRIBED"),
            "createdAt": at,
            "updatedAt": at,
        }
        self._write(made, fields)
        self.customers.add(str(made["number"]), made)
        self._event(at, "create", "CUSTOMER", made["number"])
        return made

    def update_customer(self, at: int, key: str, fields: Object) -> Object:
        """Change a customer. Raises `UserError`."""
        held = self.customers.get(key)
        if held is None:
            raise UserError(["id"], "Customer does not exist")
        before = {name: held[name] for name in CUSTOMER_FIELDS}
        self._write(held, fields)
        if any(held[name] != value for name, value in before.items()):
            held["updatedAt"] = at
        return held

    def _write(self, customer: Object, fields: Object) -> None:
        email, phone = fields.get("email"), fields.get("phone")
        if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", email):
            raise UserError(["email"], "Email is invalid")
        if phone and not re.fullmatch(r"\+[1-9]\d{6,14}", phone):
            raise UserError(["phone"], "Phone is invalid")
        if email and self._by_email.get(email.lower(), customer["number"]) != customer["number"]:
            raise UserError(["email"], "Email has already been taken")
        if phone and self._by_phone.get(phone, customer["number"]) != customer["number"]:
            raise UserError(["phone"], "Phone has already been taken")
        self._forget(customer)
        customer.update({name: fields[name] for name in CUSTOMER_FIELDS if name in fields})
        customer["email"] = customer["email"].lower() if customer["email"] else None
        for place in customer["addresses"]:
            place.setdefault("number", self._new_number("Address"))
        if customer["email"]:
            self._by_email[customer["email"]] = customer["number"]
        if customer["phone"]:
            self._by_phone[customer["phone"]] = customer["number"]

    def _forget(self, customer: Object) -> None:
        self._by_email.pop(customer["email"] or "", None)
        self._by_phone.pop(customer["phone"] or "", None)

    def delete_customer(self, at: int, key: str) -> None:
        """Delete for good. Raises `UserError` for one who is gone or has orders."""
        held = self.customers.get(key)
        if held is None:
            raise UserError(["id"], "Customer can't be found")
        if self.orders_of.get(held["number"]):
            raise UserError(["id"], "Customer can’t be deleted because they have associated orders")
        self._forget(held)
        self.customers.remove(key)
        self._event(at, "destroy", "CUSTOMER", held["number"])

    # orders ------------------------------------------------------------------------------------------------------

    def add_order(self, at: int, fields: Object) -> Object:
        """A new order. ``fields``: customer (number or None), email, phone, billing, shipping (addresses), currency (presentment),
        items (title, quantity, price, perhaps sku), discounts, tax, shippingPrice, financial, test, visit, processedAt, sourceName.
        """
        number = self._new_number("Order")
        self._order_number += 1
        subtotal = sum((item["price"] * item["quantity"] for item in fields["items"]), Decimal(0)) - fields["discounts"]
        total = subtotal + fields["tax"] + fields["shippingPrice"]
        made: Object = {
            **fields,
            "number": number,
            "orderNumber": self._order_number,
            "subtotal": subtotal,
            "total": total,
            "refunded": Decimal(0),
            "refunds": [],
            "fulfillment": "UNFULFILLED",
            "createdAt": at,
            "processedAt": fields.get("processedAt") or at,
            "updatedAt": at,
            "cancelledAt": None,
            "cancelReason": None,
            "closedAt": None,
        }
        self.orders.add(str(number), made)
        customer = self.customers.get(str(fields["customer"])) if fields["customer"] else None
        if customer:
            self.orders_of.setdefault(customer["number"], []).append(made)
            customer["updatedAt"] = at
        self._event(at, "create", "ORDER", number)
        return made

    def fulfil(self, at: int, key: str) -> None:
        """The parcel is on its way."""
        self._touch(key, at, fulfillment="FULFILLED")

    def pay(self, at: int, key: str) -> None:
        """A pending order is paid."""
        self._touch(key, at, financial="PAID")

    def refund(self, at: int, key: str, amount: Decimal) -> None:
        """Give back part or all."""
        held = self.orders.get(key)
        if held:
            self._give_back(held, at, amount)
            self._touch(key, at, financial="REFUNDED" if held["refunded"] == held["total"] else "PARTIALLY_REFUNDED")

    def cancel(self, at: int, key: str, reason: str) -> None:
        """Cancel, and give back what was paid."""
        held = self.orders.get(key)
        if held and held["cancelledAt"] is None:
            paid = held["financial"] == "PAID"
            self._touch(key, at, cancelledAt=at, cancelReason=reason, closedAt=at, financial="REFUNDED" if paid else "VOIDED")
            if paid:
                self._give_back(held, at, held["total"])

    def _give_back(self, order: Object, at: int, amount: Decimal) -> None:
        given = min(amount, order["total"] - order["refunded"])
        if given > 0:
            order["refunded"] += given
            order["refunds"].append({"number": self._new_number("Refund"), "amount": given, "at": at})

    def delete_order(self, at: int, key: str) -> None:
        """Delete a test or cancelled order for good. Raises `UserError`."""
        held = self.orders.get(key)
        if held is None:
            raise UserError(["orderId"], "Order does not exist")
        if held["cancelledAt"] is None and not held["test"]:
            raise UserError(["orderId"], "order can't be deleted")
        self.orders.remove(key)
        if held["customer"]:
            self.orders_of[held["customer"]].remove(held)
        self._event(at, "destroy", "ORDER", held["number"])

    def _touch(self, key: str, at: int, **changes: object) -> None:
        held = self.orders.get(key)
        if held:
            held.update(changes, updatedAt=at)

    # events ------------------------------------------------------------------------------------------------------

    def _event(self, at: int, action: str, subject_type: str, subject: int) -> None:
        number = self._new_number("Event")
        made = {"number": number, "action": action, "subjectType": subject_type, "subject": subject, "createdAt": at}
        self.events.add(str(number), made)

    def set_metafield(self, at: int, owner: str, namespace: str, key: str, kind: str, value: str) -> Object:
        """Set a metafield of a customer (global ID) who exists."""
        address = f"{owner} {namespace} {key}"
        held = self.metafields.setdefault(address, {"number": self._new_number("Event"), "createdAt": at})
        if held.get("value") != value:
            held.update(owner=owner, namespace=namespace, key=key, type=kind, value=value, updatedAt=at)
            self._customer(owner)["updatedAt"] = at
        return held

    def _customer(self, global_id: str) -> Object:
        held = self.customers.get(global_id.rpartition("/")[2])
        if held is None:
            raise KeyError(global_id)
        return held
