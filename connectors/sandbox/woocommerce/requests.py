"""What a request may write, read into fields that the journal can hold."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.sandbox.shelf import Object
from connectors.sandbox.wire import Call
from connectors.sandbox.woocommerce.books import STATUSES, WooError
from connectors.sandbox.woocommerce.catalogue import BY_ID
from connectors.sandbox.woocommerce.parameters import ParameterError
from connectors.sandbox.woocommerce.shapes import BILLING, SHIPPING, money

_TEXTS = ("first_name", "last_name", "username")


def body(call: Call) -> Object:
    """The JSON object that a write carries. Raises `WooError`."""
    try:
        found = call.json() if call.body else {}
    except ValueError:
        raise WooError(400, "rest_invalid_json", "Invalid JSON body passed.") from None
    return found if isinstance(found, dict) else {}


def forced(call: Call, *, default: bool = False) -> bool:
    """Whether a delete is to be for good."""
    given = call.param("force")
    return default if given is None else given.lower() in ("1", "true")


def customer(given: Object) -> Object:
    """Fields of a customer. Raises `ParameterError`."""
    fields = {name: _text(given, name) for name in _TEXTS if given.get(name) is not None}
    if given.get("email") is not None:
        email = _text(given, "email")
        if "@" not in email:
            raise ParameterError("email", "Invalid email address.", "rest_invalid_email")
        fields["email"] = email
    return {**fields, **_addresses(given), **_meta(given)}


def new_order(given: Object, check_customer: Callable[[int], None]) -> Object:
    """Fields of a new order. Raises `ParameterError`, `WooError`."""
    fields = changed_order(given, check_customer)
    if given.get("set_paid") is True and fields.get("status", "pending") == "pending":
        fields["status"] = "processing"
    shipping = sum((_amount(line.get("total", "0"), "shipping_lines") for line in given.get("shipping_lines") or []), Decimal(0))
    return {
        "customer": 0,
        **fields,
        "currency": _text(given, "currency") or "USD",
        "created_via": "rest-api",
        "method": _text(given, "payment_method"),
        "lines": [_line(item) for item in given.get("line_items") or []],
        "shipping_total": money(shipping),
    }


def changed_order(given: Object, check_customer: Callable[[int], None]) -> Object:
    """Fields of an order that may change. Raises `ParameterError`, `WooError`."""
    fields: Object = {}
    if given.get("status") is not None:
        if given["status"] not in STATUSES:
            raise ParameterError("status", f"status is not one of {', '.join(STATUSES)}.", "rest_not_in_enum")
        fields["status"] = given["status"]
    if given.get("customer_id") is not None:
        if not isinstance(given["customer_id"], int):
            raise ParameterError("customer_id", "customer_id is not of type integer.", "rest_invalid_type")
        check_customer(given["customer_id"])
        fields["customer"] = given["customer_id"]
    if given.get("customer_note") is not None:
        fields["customer_note"] = _text(given, "customer_note")
    return {**fields, **_addresses(given), **_meta(given)}


def new_refund(given: Object) -> Object:
    """Amount and reason of a refund. Raises `ParameterError`."""
    return {"amount": str(_amount(given.get("amount", "0"), "amount")), "reason": _text(given, "reason")}


def _line(item: Object) -> Object:
    product = BY_ID.get(item.get("product_id") or 0)
    if product is None and not item.get("name"):
        raise WooError(400, "woocommerce_rest_required_product_reference", "Product ID or SKU is required.")
    quantity = int(item.get("quantity", 1))
    total = _amount(item["total"], "line_items") if "total" in item else (product.price if product else Decimal(0)) * quantity
    subtotal = _amount(item["subtotal"], "line_items") if "subtotal" in item else total
    return {
        "name": item.get("name") or (product.name if product else ""),
        "product_id": product.number if product else 0,
        "sku": product.sku if product else None,
        "quantity": quantity,
        "subtotal": money(subtotal),
        "total": money(total),
        "tax": money(_amount(item.get("total_tax", "0"), "line_items")),
    }


def _addresses(given: Object) -> Object:
    found = {}
    for name, parts in (("billing", BILLING), ("shipping", SHIPPING)):
        if isinstance(given.get(name), dict):
            found[name] = {part: str(given[name][part]) for part in parts if given[name].get(part) is not None}
    return found


def _meta(given: Object) -> Object:
    entries = [entry for entry in given.get("meta_data") or [] if isinstance(entry, dict) and entry.get("key")]
    return {"meta_data": [{"key": str(entry["key"]), "value": entry.get("value")} for entry in entries]} if entries else {}


def _text(given: Object, name: str) -> str:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise ParameterError(name, f"{name} is not of type string.", "rest_invalid_type")
    return value or ""


def _amount(value: Any, name: str) -> Decimal:
    try:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise ParameterError(name, f"{name} is not of type number.", "rest_invalid_type") from None
