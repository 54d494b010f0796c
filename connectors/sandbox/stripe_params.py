"""Stripe's parameters: which are known, how they are read, how a refusal is worded, what `expand` puts in."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, NoReturn

from connectors.sandbox.shelf import Object
from connectors.sandbox.stripe_books import StripeBooks
from connectors.sandbox.wire import Answer, Params, VendorError

EXPANDABLE = {
    "customers": {"tax_ids"},
    "invoices": {"customer", "payments"},
    "charges": {"customer"},
    "invoice_payments": {"invoice"},
    "refunds": {"charge"},
    "credit_notes": {"customer", "invoice"},
    "events": set[str](),
}


def stripe_error(
    status: int, message: str, *, param: str | None = None, code: str | None = None, kind: str = "invalid_request_error"
) -> Answer:
    """An error answer in Stripe's form."""
    error: Object = {"message": message, "type": kind}
    if code:
        error |= {"code": code, "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"}
    if param:
        error["param"] = param
    return Answer({"error": error}, status)


def refuse(status: int, message: str, param: str | None = None, code: str | None = None) -> NoReturn:
    """Raise a refusal."""
    raise VendorError(stripe_error(status, message, param=param, code=code))


def check_names(params: Params, known: set[str]) -> None:
    """Refuse parameters that the endpoint does not know."""
    unknown = sorted(set(params) - known)
    if unknown:
        refuse(400, f"Received unknown parameter: {unknown[0]}", unknown[0], code="parameter_unknown")


def check_payment(given: Any) -> None:
    """Refuse a filter of invoice payments that does not say of which type the payment is."""
    if given is None:
        return
    if not isinstance(given, dict) or "type" not in given:
        refuse(400, "Missing required param: payment[type].", "payment[type]", code="parameter_missing")
    check_names({f"payment[{name}]": "" for name in given}, {f"payment[{n}]" for n in ("type", "payment_intent", "payment_record")})
    if given["type"] not in ("payment_intent", "payment_record"):
        refuse(400, f"Invalid payment[type]: must be one of payment_intent, payment_record, not {given['type']}", "payment[type]")


def check_metadata(given: Any) -> None:
    """Refuse metadata that is too long (docs.stripe.com/api/metadata): keys of 40 characters, values of 500."""
    for name, value in given.items() if isinstance(given, dict) else ():
        if len(name) > 40:
            refuse(400, "Metadata keys can be up to 40 characters.", f"metadata[{name}]", code="parameter_invalid_string")
        if len(str(value)) > 500:
            refuse(400, "Metadata values can be up to 500 characters.", f"metadata[{name}]", code="parameter_invalid_string")


def integer(value: Any, name: str) -> int:
    """A whole number, or a refusal."""
    try:
        return int(value)
    except (TypeError, ValueError):
        refuse(400, f"Invalid integer: {value}", name, code="parameter_invalid_integer")


def created_filter(given: Any) -> Callable[[int], bool]:
    """``created`` as one second or as a range of gt, gte, lt, lte."""
    if given is None:
        return lambda at: True
    if not isinstance(given, dict):
        exact = integer(given, "created")
        return lambda at: at == exact
    compare: dict[str, Callable[[int, int], bool]] = {
        "gt": lambda at, bound: at > bound,
        "gte": lambda at, bound: at >= bound,
        "lt": lambda at, bound: at < bound,
        "lte": lambda at, bound: at <= bound,
    }
    check_names({f"created[{name}]": "" for name in given}, {f"created[{name}]" for name in compare})
    tests = [(compare[name], integer(bound, f"created[{name}]")) for name, bound in given.items()]
    return lambda at: all(test(at, bound) for test, bound in tests)


# filters by a field of that name
_EQUAL = ("email", "customer", "status", "collection_method", "payment_intent", "transfer_group", "invoice", "charge")


def matches(record: Object, params: Params) -> bool:
    """True if a record passes the endpoint's own filters."""
    for name in _EQUAL:
        if name in params and record.get(name) != params[name]:
            return False
    # an invoice payment is found by what it is about
    if any(record["payment"].get(name) != value for name, value in params.get("payment", {}).items()):
        return False
    if "type" in params and not fnmatchcase(record["type"], params["type"]):
        return False
    if "types" in params and record["type"] not in params["types"]:
        return False
    # no subscription, test clock or due date filter matches anything here that it should not
    return all(record.get(name) == params[name] for name in ("subscription", "test_clock") if name in params)


def expanded(books: StripeBooks, record: Object, paths: list[str], kind: str) -> Object:
    """The record with the related objects put in; a path that cannot be expanded is refused."""
    if not paths:
        return record
    made = dict(record)
    for path in paths:
        if path not in EXPANDABLE[kind]:
            refuse(400, f"This property cannot be expanded ({path}).", "expand")
        if path == "tax_ids":
            found = books.tax_ids.get(record["id"], [])
            made[path] = {"object": "list", "data": found, "has_more": False, "url": f"/v1/customers/{record['id']}/tax_ids"}
        elif path == "payments":
            found = [p for p in books.invoice_payments if p["invoice"] == record["id"]]
            made[path] = {"object": "list", "data": found, "has_more": False, "url": "/v1/invoice_payments"}
        elif record[path]:
            deleted = {"id": record[path], "object": path, "deleted": True}
            shelf = {"customer": books.customers, "invoice": books.invoices, "charge": books.charges}[path]
            made[path] = shelf.get(record[path]) or deleted
    return made
