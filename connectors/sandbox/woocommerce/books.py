"""WooCommerce's books: users, orders and refunds. How they look over HTTP is shapes.py.

Amounts are `Decimal` in the order's currency, times unix seconds. Orders and refunds draw their IDs from the one sequence of a
WordPress site's posts. A change sets the time of change, with WooCommerce's own exceptions: neither taking a refund back nor losing
its customer touches an order. A trashed order stays, with the status trash, until it is deleted for good.
"""

from __future__ import annotations

from decimal import Decimal

from connectors.sandbox.draw import number_below, token
from connectors.sandbox.shelf import Object, Shelf

STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft")
PAID = ("processing", "completed")
ROLES = ("administrator", "shop_manager", "customer", "subscriber")
_STAFF = (("keeper", "administrator"), ("warehouse", "shop_manager"))
NOUGHT = Decimal("0.00")


class WooError(ValueError):
    """WooCommerce understood the request and refuses it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class WooBooks:
    """Everything of one shop.

    Args:
        origin: unix seconds; the shop was opened long before it.
    """

    def __init__(self, seed: int, origin: int) -> None:
        self.seed = seed
        self.customers, self.orders, self.refunds = Shelf(), Shelf(), Shelf()
        self.orders_of: dict[int, list[Object]] = {}
        self._by_email: dict[str, int] = {}
        self._usernames: set[str] = set()
        self._numbers = {"user": 0, "post": 1_000, "item": 0, "meta": 0}
        for name, role in _STAFF:
            self.add_customer(origin - 1_500 * 86_400, {"email": f"{name}@sandbox-goods.example", "username": name}, role)

    def _number(self, kind: str) -> int:
        # a shop's pages, pictures and revisions are posts too
        gap = 1 + number_below(self.seed, f"woocommerce {kind}", self._numbers[kind], 6) if kind == "post" else 1
        self._numbers[kind] += gap
        return self._numbers[kind]

    def counts(self) -> dict[str, int]:
        """Live records by stream: staff and trash are no part of it."""
        customers = sum(1 for c in self.customers if c["role"] not in ("administrator", "shop_manager"))
        return {"customers": customers, "orders": sum(1 for o in self.orders if o["status"] != "trash")}

    # customers ---------------------------------------------------------------------------------------------------

    def free_email(self, email: str | None) -> bool:
        """True if no user has that e-mail."""
        return bool(email) and (email or "").lower() not in self._by_email

    def add_customer(self, at: int, fields: Object, role: str = "customer") -> Object:
        """A new user. Raises `WooError`."""
        email = fields.get("email") or ""
        self._check_email(email, None)
        number = self._number("user")
        made: Object = {
            "id": number,
            "role": role,
            "username": self._username(fields.get("username") or email.partition("@")[0]),
            "email": email,
            "first_name": "",
            "last_name": "",
            "billing": {},
            "shipping": {},
            "meta_data": [],
            "created": at,
            "modified": at,
        }
        self._write(made, fields)
        self.customers.add(str(number), made)
        self._by_email[email.lower()] = number
        return made

    def update_customer(self, at: int, key: str, fields: Object) -> Object:
        """Change a user; whatever is written counts as a change. Raises `WooError`."""
        held = self.customers.get(key)
        if held is None:
            raise WooError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
        if fields.get("email"):
            self._check_email(fields["email"], held["id"])
            self._by_email.pop(held["email"].lower(), None)
            self._by_email[fields["email"].lower()] = held["id"]
            held["email"] = fields["email"]
        self._write(held, fields)
        held["modified"] = at
        return held

    def delete_customer(self, at: int, key: str) -> Object:
        """Delete for good; their orders become those of guests. Raises `WooError`."""
        held = self.customers.get(key)
        if held is None:
            raise WooError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
        self._by_email.pop(held["email"].lower(), None)
        self.customers.remove(key)
        for order in self.orders_of.pop(held["id"], []):
            order["customer"] = 0
        return held

    def visited(self, at: int, key: str) -> None:
        """A user was there. WooCommerce notes the day in their meta data, and does not count it as a change."""
        held = self.customers.get(key)
        if held:
            self._note(held, "wc_last_active", str(at - at % 86_400))

    def _note(self, held: Object, key: str, value: object) -> None:
        known = next((entry for entry in held["meta_data"] if entry["key"] == key), None)
        if value is None:
            held["meta_data"] = [entry for entry in held["meta_data"] if entry is not known]
        elif known:
            known["value"] = value
        else:
            held["meta_data"].append({"id": self._number("meta"), "key": key, "value": value})

    def _check_email(self, email: str, owner: int | None) -> None:
        local, _, domain = email.rpartition("@")
        if not local or "." not in domain or any(c.isspace() for c in email):
            raise WooError(400, "registration-error-invalid-email", "Please provide a valid email address.")
        if self._by_email.get(email.lower(), owner) != owner:
            text = "An account is already registered with your email address. Please log in."
            raise WooError(400, "registration-error-email-exists", text)

    def _username(self, wanted: str) -> str:
        name, number = wanted.lower(), 1
        while name in self._usernames:
            number += 1
            name = f"{wanted.lower()}{number}"
        self._usernames.add(name)
        return name

    def _write(self, held: Object, fields: Object) -> None:
        for name in ("first_name", "last_name", "customer_note"):
            if fields.get(name) is not None:
                held[name] = fields[name]
        for name in ("billing", "shipping"):
            held[name] = {**held[name], **{part: value or "" for part, value in (fields.get(name) or {}).items()}}
        for entry in fields.get("meta_data") or []:
            self._note(held, entry["key"], entry["value"])

    # orders ------------------------------------------------------------------------------------------------------

    def add_order(self, at: int, fields: Object) -> Object:
        """A new order. ``fields``: customer (ID or 0), billing, shipping, currency, lines (name, product_id, sku, quantity,
        subtotal, total, tax), shipping_total, status, created_via, method, note, ip, meta_data.
        """
        number = self._number("post")
        made: Object = {
            "status": "pending",
            "currency": "USD",
            "created_via": "checkout",
            "method": "",
            "ip": "",
            "customer_note": "",
            "shipping_total": NOUGHT,
            **{name: value for name, value in fields.items() if name not in ("meta_data", "lines", "billing", "shipping")},
            "id": number,
            "key": f"wc_order_{token(self.seed, 'woocommerce order', number, 13)}",
            "lines": [{"id": self._number("item"), **line} for line in fields["lines"]],
            "shipping_item": self._number("item"),
            "billing": {},
            "shipping": {},
            "meta_data": [],
            "refunds": [],
            "created": at,
            "modified": at,
            "paid": None,
            "completed": None,
        }
        self._write(made, {name: fields.get(name) for name in ("billing", "shipping", "meta_data")})
        made["total"] = sum((line["total"] + line["tax"] for line in made["lines"]), made["shipping_total"])
        self.orders.add(str(number), made)
        if made["customer"]:
            self.orders_of.setdefault(made["customer"], []).append(made)
        self._reached(made, at)
        return made

    def order(self, key: str, status: int = 404) -> Object:
        """An order, trashed or not. Raises `WooError`."""
        held = self.orders.get(key)
        if held is None:
            raise WooError(status, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
        return held

    def update_order(self, at: int, key: str, fields: Object) -> Object:
        """Change an order; whatever is written counts as a change. Raises `WooError`."""
        held = self.order(key, 400)
        self._write(held, fields)
        if fields.get("customer") is not None and fields["customer"] != held["customer"]:
            if held["customer"]:
                self.orders_of[held["customer"]].remove(held)
            held["customer"] = fields["customer"]
            if held["customer"]:
                self.orders_of.setdefault(held["customer"], []).append(held)
        if fields.get("status"):
            held["status"] = fields["status"]
        held["modified"] = at
        self._reached(held, at)
        return held

    def move_on(self, at: int, key: str, status: str, *, unless: tuple[str, ...] = ("trash", "cancelled", "refunded")) -> None:
        """The next status, if the order is still there and in none of some others."""
        held = self.orders.get(key)
        if held and held["status"] not in unless:
            self.update_order(at, key, {"status": status})

    @staticmethod
    def _reached(order: Object, at: int) -> None:
        if order["status"] in PAID and order["paid"] is None:
            order["paid"] = at
        if order["status"] == "completed" and order["completed"] is None:
            order["completed"] = at

    def trash_order(self, at: int, key: str) -> Object:
        """Put an order into the trash. Raises `WooError`."""
        held = self.order(key)
        if held["status"] == "trash":
            raise WooError(410, "woocommerce_rest_already_trashed", "The Order has already been deleted.")
        held.update(status="trash", modified=at)
        return held

    def erase_order(self, at: int, key: str) -> Object:
        """Delete an order for good, with its refunds. Raises `WooError`."""
        held = self.order(key)
        for number in held["refunds"]:
            self.refunds.remove(str(number))
        if held["customer"]:
            self.orders_of[held["customer"]].remove(held)
        return self.orders.remove(key)

    # refunds -----------------------------------------------------------------------------------------------------

    def refunded(self, order: Object) -> Decimal:
        """What was given back of an order so far."""
        held = (self.refunds.get(str(number)) for number in order["refunds"])
        return sum((refund["amount"] for refund in held if refund), NOUGHT)

    def add_refund(self, at: int, key: str, amount: Decimal, reason: str) -> Object:
        """Give money back; an order given back whole is refunded. Raises `WooError`."""
        order = self.order(key)
        left = order["total"] - self.refunded(order)
        if not 0 < amount <= left:
            raise WooError(500, "woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.")
        number = self._number("post")
        made = {"id": number, "order": order["id"], "created": at, "amount": amount, "reason": reason, "by": 1}
        self.refunds.add(str(number), made)
        order["refunds"].insert(0, number)
        order["modified"] = at
        if amount == left:
            order["status"] = "refunded"
        return made

    def delete_refund(self, at: int, key: str, number: str) -> Object:
        """Take a refund back; its order is not touched (before WooCommerce 11.3). Raises `WooError`."""
        order, held = self.order(key), self.refunds.get(number)
        if held is None or held["order"] != order["id"]:
            raise WooError(404, "woocommerce_rest_shop_order_refund_invalid_id", "Invalid ID.")
        order["refunds"].remove(held["id"])
        return self.refunds.remove(number)
