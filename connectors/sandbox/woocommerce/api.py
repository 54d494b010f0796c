"""WooCommerce's REST API, version 3, over the sandbox's books: orders, refunds and customers, to read and to write.

Sources: https://woocommerce.github.io/woocommerce-rest-api-docs/ and answers recorded from WooCommerce 11.0.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from connectors.sandbox.shelf import Object
from connectors.sandbox.state import Sandbox
from connectors.sandbox.wire import Answer, Call, retry_header
from connectors.sandbox.woocommerce import requests, shapes
from connectors.sandbox.woocommerce.books import ROLES, STATUSES, WooBooks, WooError
from connectors.sandbox.woocommerce.parameters import MOST, Lists, ParameterError, one_of, page_of, words
from connectors.sandbox.woocommerce.signature import Gate

Handler = Callable[..., Answer]

_POSTS = {
    "date": lambda record: record["created"],
    "modified": lambda record: record.get("modified", record["created"]),
    "id": lambda record: record["id"],
    "include": lambda record: record["id"],
    "title": lambda record: record["id"],
    "slug": lambda record: record["id"],
}
_USERS = {
    "id": lambda record: record["id"],
    "include": lambda record: record["id"],
    "name": lambda record: (record["first_name"], record["last_name"]),
    "registered_date": lambda record: record["created"],
}
POSTS = Lists(_POSTS, "date", "desc")
USERS = Lists(_USERS, "name", "asc", dates=False)


class WooApi:
    """The protocol over a sandbox's books."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._books: WooBooks = sandbox.world.books["woocommerce"]
        self._gate = Gate()
        self._routes: tuple[tuple[str, str, Handler], ...] = (
            ("GET", r"/orders", self._orders),
            ("POST", r"/orders", self._create_order),
            ("GET", r"/orders/(\d+)", self._order),
            ("PUT|PATCH|POST", r"/orders/(\d+)", self._update_order),
            ("DELETE", r"/orders/(\d+)", self._delete_order),
            ("GET", r"/refunds", self._refunds),
            ("GET", r"/orders/(\d+)/refunds", self._refunds_of),
            ("POST", r"/orders/(\d+)/refunds", self._create_refund),
            ("DELETE", r"/orders/(\d+)/refunds/(\d+)", self._delete_refund),
            ("GET", r"/customers", self._customers),
            ("POST", r"/customers", self._create_customer),
            ("POST|PUT|PATCH", r"/customers/batch", self._batch_of_customers),
            ("GET", r"/customers/(\d+)", self._customer),
            ("PUT|PATCH|POST", r"/customers/(\d+)", self._update_customer),
            ("DELETE", r"/customers/(\d+)", self._delete_customer),
        )

    def answer(self, call: Call) -> Answer:
        """Answer a call."""
        try:
            for methods, pattern, handler in self._routes:
                match = re.fullmatch(f"/wp-json/wc/v3{pattern}/?", call.path)
                if match and call.method in methods.split("|"):
                    self._gate.admit(call)
                    return handler(call, *match.groups())
        except ParameterError as error:
            return Answer(error.body(), 400)
        except WooError as error:
            return _refusal(error.status, error.code, error.message)
        return _refusal(404, "rest_no_route", "No route was found matching the URL and request method.")

    def fault(self, status: int, retry_after: float | None) -> Answer:
        """An error in WordPress's words, or, as a shop has no limits of its own, in those of the server before it."""
        if status in (401, 403):
            return _refusal(status, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        if status == 500:
            text = "<p>There has been a critical error on this website.</p>"
            return _refusal(500, "internal_server_error", text)
        page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>".encode()
        return Answer(page, status, retry_header(retry_after) | {"content-type": "text/html"})

    def _shown(self, call: Call) -> Callable[[Object], Object]:
        return shapes.only(partial(shapes.order, books=self._books), call.param("_fields"))

    # orders ------------------------------------------------------------------------------------------------------

    def _orders(self, call: Call) -> Answer:
        known = ("any", "trash", *STATUSES)
        wanted = words(call, "status") or ["any"]
        for place, status in enumerate(wanted):
            if status not in known:
                raise ParameterError("status", f"status[{place}] is not one of {', '.join(known)}.", "rest_not_in_enum")
        orders = [o for o in self._books.orders if (o["status"] != "trash" if "any" in wanted else o["status"] in wanted)]
        if call.param("customer") is not None:
            orders = [o for o in orders if str(o["customer"]) == call.param("customer")]
        return page_of(call, POSTS, orders, self._shown(call))

    def _order(self, call: Call, key: str) -> Answer:
        return Answer(self._shown(call)(self._books.order(key)))

    def _create_order(self, call: Call) -> Answer:
        fields = requests.new_order(requests.body(call), self._known_customer)
        made = self._sandbox.write("woocommerce.create_order", fields=fields)
        location = f"{call.base}/wp-json/wc/v3/orders/{made['id']}"
        return Answer(shapes.order(made, self._books), 201, {"location": location})

    def _update_order(self, call: Call, key: str) -> Answer:
        self._books.order(key, 400)
        fields = requests.changed_order(requests.body(call), self._known_customer)
        return Answer(shapes.order(self._sandbox.write("woocommerce.update_order", key=key, fields=fields), self._books))

    def _delete_order(self, call: Call, key: str) -> Answer:
        held = self._books.order(key)
        if not requests.forced(call):
            return Answer(shapes.order(self._sandbox.write("woocommerce.trash_order", key=key), self._books))
        shown = shapes.order(held, self._books)
        self._sandbox.write("woocommerce.erase_order", key=key)
        return Answer(shown)

    def _known_customer(self, number: int) -> None:
        if number and self._books.customers.get(str(number)) is None:
            raise WooError(400, "woocommerce_rest_invalid_customer_id", "Customer ID is invalid.")

    # refunds -----------------------------------------------------------------------------------------------------

    def _refunds(self, call: Call) -> Answer:
        show = shapes.only(partial(shapes.refund, with_parent=True), call.param("_fields"))
        return page_of(call, POSTS, list(self._books.refunds), show)

    def _refunds_of(self, call: Call, key: str) -> Answer:
        held = self._books.orders.get(key)
        refunds = [refund for number in (held["refunds"] if held else ()) if (refund := self._books.refunds.get(str(number)))]
        show = shapes.only(partial(shapes.refund, with_parent=False), call.param("_fields"))
        return page_of(call, POSTS, refunds, show)

    def _create_refund(self, call: Call, key: str) -> Answer:
        self._books.order(key)
        made = self._sandbox.write("woocommerce.create_refund", key=key, **requests.new_refund(requests.body(call)))
        return Answer(shapes.refund(made, with_parent=False), 201)

    def _delete_refund(self, call: Call, key: str, number: str) -> Answer:
        if not requests.forced(call, default=True):
            raise WooError(501, "woocommerce_rest_trash_not_supported", "The Order refund does not support trashing.")
        return Answer(shapes.refund(self._sandbox.write("woocommerce.delete_refund", key=key, number=number), with_parent=False))

    # customers ---------------------------------------------------------------------------------------------------

    def _customers(self, call: Call) -> Answer:
        role = one_of(call, "role", "customer", ("all", *ROLES))
        customers = [c for c in self._books.customers if role in ("all", c["role"])]
        if call.param("email"):
            customers = [c for c in customers if c["email"].lower() == (call.param("email") or "").lower()]
        show = shapes.only(partial(shapes.customer, books=self._books), call.param("_fields"))
        return page_of(call, USERS, customers, show)

    def _held_customer(self, key: str) -> Object:
        held = self._books.customers.get(key)
        if held is None:
            raise WooError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
        return held

    def _customer(self, call: Call, key: str) -> Answer:
        return Answer(shapes.customer(self._held_customer(key), self._books))

    def _create_customer(self, call: Call) -> Answer:
        fields = requests.customer(requests.body(call))
        if "email" not in fields:
            raise WooError(400, "rest_missing_callback_param", "Missing parameter(s): email")
        made = self._sandbox.write("woocommerce.create_customer", fields=fields)
        return Answer(shapes.customer(made, self._books), 201, {"location": f"{call.base}/wp-json/wc/v3/customers/{made['id']}"})

    def _update_customer(self, call: Call, key: str) -> Answer:
        self._held_customer(key)
        fields = requests.customer(requests.body(call))
        return Answer(shapes.customer(self._sandbox.write("woocommerce.update_customer", key=key, fields=fields), self._books))

    def _batch_of_customers(self, call: Call) -> Answer:
        """Up to 100 customers to change; each has its own answer, in the order given. Nothing else is served in batches."""
        given = requests.body(call).get("update") or []
        if len(given) > MOST:
            text = f"Unable to accept more than {MOST} items for this request."
            raise WooError(413, "woocommerce_rest_request_entity_too_large", text)
        return Answer({"update": [self._batched(entry) for entry in given]})

    def _batched(self, given: Object) -> Object:
        key = str(given.get("id", 0))
        try:
            self._held_customer(key)
            fields = requests.customer(given)
            return shapes.customer(self._sandbox.write("woocommerce.update_customer", key=key, fields=fields), self._books)
        except ParameterError as error:
            refusal = error.body()
        except WooError as error:
            refusal = {"code": error.code, "message": error.message, "data": {"status": error.status}}
        return {"id": given.get("id", 0), "error": refusal}

    def _delete_customer(self, call: Call, key: str) -> Answer:
        held = self._held_customer(key)
        if not requests.forced(call):
            raise WooError(501, "woocommerce_rest_trash_not_supported", "Customers do not support trashing.")
        if held["role"] not in ("customer", "subscriber"):
            text = f"Sorry, users with {held['role']} role cannot be deleted via this endpoint. Allowed roles: customer, subscriber"
            raise WooError(403, "woocommerce_rest_cannot_delete", text)
        shown = shapes.customer(held, self._books)
        self._sandbox.write("woocommerce.delete_customer", key=key)
        return Answer(shown)


def _refusal(status: int, code: str, message: str) -> Answer:
    return Answer({"code": code, "message": message, "data": {"status": status}}, status)
