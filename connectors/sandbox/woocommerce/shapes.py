"""How WooCommerce shows its customers, orders and refunds in JSON, as version 11.0.1 does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from connectors.sandbox.shelf import Object
from connectors.sandbox.woocommerce.books import NOUGHT, WooBooks

SHOP_URL = "https://shop.sandbox-goods.example"
VERSION = "11.0.1"
_ROOT = f"{SHOP_URL}/wp-json/wc/v3"
_NAMES = ("first_name", "last_name", "company", "address_1", "address_2", "city")
BILLING = (*_NAMES, "postcode", "country", "state", "email", "phone")
SHIPPING = (*_NAMES, "postcode", "country", "state", "phone")
_ALLOWED = {"allow": ["GET", "POST", "PUT", "PATCH", "DELETE"]}
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_METHODS = {"stripe": "Credit Card", "paypal": "PayPal", "bacs": "Direct bank transfer", "cod": "Cash on delivery"}


def iso(at: int | None) -> str | None:
    """2026-03-01T09:00:00: UTC, without saying so. The site's own zone is UTC too."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def money(amount: Decimal) -> str:
    """With the shop's two decimals, whatever the currency has."""
    return f"{amount:.2f}"


def _address(held: Object, fields: tuple[str, ...]) -> Object:
    return {name: held.get(name) or "" for name in fields}


def _dates(name: str, at: int | None) -> Object:
    return {f"date_{name}": iso(at), f"date_{name}_gmt": iso(at)}


def _links(place: str, of: str, **more: list[Object]) -> Object:
    own: list[Object] = [{"href": f"{_ROOT}/{place}", "targetHints": _ALLOWED}]
    return {"self": own, "collection": [{"href": f"{_ROOT}/{of}"}], **more}


def customer(held: Object, books: WooBooks) -> Object:
    """A user as ``/customers`` shows them."""
    digest = hashlib.sha256(held["email"].strip().lower().encode()).hexdigest()
    orders = books.orders_of.get(held["id"], ())
    return {
        "id": held["id"],
        **_dates("created", held["created"]),
        **_dates("modified", held["modified"]),
        "email": held["email"],
        "first_name": held["first_name"],
        "last_name": held["last_name"],
        "role": held["role"],
        "username": held["username"],
        "billing": _address(held["billing"], BILLING),
        "shipping": _address(held["shipping"], SHIPPING),
        "is_paying_customer": any(order["paid"] for order in orders),
        "avatar_url": f"https://secure.gravatar.com/avatar/{digest}?s=96&d=mm&r=g",
        "meta_data": held["meta_data"],
        "_links": _links(f"customers/{held['id']}", "customers"),
    }


def order(held: Object, books: WooBooks) -> Object:
    """An order as ``/orders`` shows it."""
    number, status = held["id"], held["status"]
    tax = sum((line["tax"] for line in held["lines"]), NOUGHT)
    discount = sum((line["subtotal"] - line["total"] for line in held["lines"]), NOUGHT)
    unpaid = status in ("pending", "failed") and held["total"] > 0
    return {
        "id": number,
        "parent_id": 0,
        "status": status,
        "currency": held["currency"],
        "version": VERSION,
        "prices_include_tax": False,
        "date_created": iso(held["created"]),
        "date_modified": iso(held["modified"]),
        "discount_total": money(discount),
        "discount_tax": "0.00",
        "shipping_total": money(held["shipping_total"]),
        "shipping_tax": "0.00",
        "cart_tax": money(tax),
        "total": money(held["total"]),
        "total_tax": money(tax),
        "customer_id": held["customer"],
        "order_key": held["key"],
        "billing": _address(held["billing"], BILLING),
        "shipping": _address(held["shipping"], SHIPPING),
        "payment_method": held["method"],
        "payment_method_title": _METHODS.get(held["method"], ""),
        "transaction_id": "",
        "customer_ip_address": held["ip"],
        "customer_user_agent": "",
        "created_via": held["created_via"],
        "customer_note": held["customer_note"],
        "date_completed": iso(held["completed"]),
        "date_paid": iso(held["paid"]),
        "cart_hash": "",
        "number": str(number),
        "meta_data": held["meta_data"],
        "line_items": [_line(line) for line in held["lines"]],
        "tax_lines": [],
        "shipping_lines": [_shipping(held)] if held["shipping_total"] else [],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [
            {"id": refund["id"], "reason": refund["reason"], "total": f"-{money(refund['amount'])}"}
            for refund in map(books.refunds.get, map(str, held["refunds"]))
            if refund
        ],
        "payment_url": f"{SHOP_URL}/checkout/order-pay/{number}/?pay_for_order=true&key={held['key']}",
        "is_editable": status in ("pending", "on-hold"),
        "needs_payment": unpaid,
        "needs_processing": True,
        **{f"date_{name}_gmt": iso(held[name]) for name in ("created", "modified", "completed", "paid")},
        "currency_symbol": _SYMBOLS.get(held["currency"], held["currency"]),
        "_links": _links(
            f"orders/{number}",
            "orders",
            email_templates=[{"embeddable": True, "href": f"{_ROOT}/orders/{number}/actions/email_templates"}],
            **({"customer": [{"href": f"{_ROOT}/customers/{held['customer']}"}]} if held["customer"] else {}),
        ),
    }


def _line(line: Object) -> Object:
    return {
        "id": line["id"],
        "name": line["name"],
        "product_id": line["product_id"],
        "variation_id": 0,
        "quantity": line["quantity"],
        "tax_class": "",
        "subtotal": money(line["subtotal"]),
        "subtotal_tax": money(line["tax"]),
        "total": money(line["total"]),
        "total_tax": money(line["tax"]),
        "taxes": [],
        "meta_data": [],
        "sku": line["sku"],
        "global_unique_id": "",
        "price": float(line["total"] / line["quantity"]),  # a number, and divided as PHP does it
        "image": {"id": "", "src": ""},
        "parent_name": None,
    }


def _shipping(held: Object) -> Object:
    return {
        "id": held["shipping_item"],
        "method_title": "Flat rate",
        "method_id": "flat_rate",
        "instance_id": "1",
        "total": money(held["shipping_total"]),
        "total_tax": "0.00",
        "taxes": [],
        "tax_status": "taxable",
        "meta_data": [],
    }


def refund(held: Object, *, with_parent: bool) -> Object:
    """A refund as its order's list shows it, or ``/refunds``, which names the order too."""
    place = f"orders/{held['order']}/refunds"
    shown: Object = {
        "id": held["id"],
        "parent_id": held["order"],
        **_dates("created", held["created"]),
        "amount": money(held["amount"]),
        "reason": held["reason"],
        "refunded_by": held["by"],
        "refunded_payment": False,
        "meta_data": [],
        "line_items": [],
        "shipping_lines": [],
        "tax_lines": [],
        "fee_lines": [],
        "_links": _links(f"{place}/{held['id']}", place, up=[{"href": f"{_ROOT}/orders/{held['order']}"}]),
    }
    if not with_parent:
        del shown["parent_id"]
    return shown


def only(show: Callable[[Object], Object], fields: str | None) -> Callable[[Object], Object]:
    """What shows a record with the fields that ``_fields`` names only, in the record's order; all without it."""
    if not fields:
        return show
    wanted = {name.strip().partition(".")[0] for name in fields.split(",")}
    return lambda held: {name: value for name, value in show(held).items() if name in wanted}
