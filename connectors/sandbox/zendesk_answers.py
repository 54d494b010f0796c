"""How Zendesk words refusals, and the small parts of its answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from connectors.sandbox.shelf import Object
from connectors.sandbox.wire import Answer, Call, VendorError, retry_header
from connectors.sandbox.zendesk_books import STATUSES, iso


def invalid(name: str, why: str) -> NoReturn:
    """Refuse a parameter's value."""
    message = f"You passed an invalid value for the {name} attribute. Invalid parameter: {why}"
    raise VendorError(Answer({"error": {"title": "Invalid attribute", "message": message}}, 400))


def throttled(retry_after: float | None) -> Answer:
    """Too many requests."""
    text = "Number of allowed API requests per minute exceeded"
    return Answer({"error": "APIRateLimitExceeded", "description": text}, 429, retry_header(retry_after))


def number(call: Call, name: str, default: int) -> int:
    """A parameter that is a whole number, or a refusal."""
    given = call.param(name)
    try:
        return default if given is None else int(given)
    except ValueError:
        invalid(name, f"{name} must be an integer")


def body(call: Call, name: str) -> Object:
    """The object a write must carry under that name, or a refusal."""
    try:
        body = call.json()[name]
    except (ValueError, KeyError, TypeError):
        body = None
    if not isinstance(body, dict):
        raise VendorError(Answer({"error": {"title": "Invalid attribute", "message": f"Parameter {name} is required"}}, 400))
    return body


def check_status(fields: Object) -> None:
    """Refuse a ticket status there is not."""
    if fields.get("status") not in (None, *STATUSES):
        invalid_record("status", f"Status: {fields['status']} is not valid", "InvalidValue")


def audit(ticket: Object, kind: str) -> Object:
    """The audit that comes with a written ticket."""
    events: list[Object] = [{"id": ticket["id"] * 10, "type": kind, "field_name": "status", "value": ticket["status"]}]
    return {
        "id": ticket["id"] * 10 + 1,
        "ticket_id": ticket["id"],
        "created_at": iso(ticket["generated_timestamp"]),
        "author_id": ticket["submitter_id"],
        "metadata": {"system": {}, "custom": {}},
        "events": events,
        "via": ticket["via"],
    }


def check_external_id(users: Iterable[Object], external_id: str | None, beside: str) -> None:
    """Refuse an external ID that another live user has; case does not count."""
    for user in users if external_id is not None else ():
        taken = user["active"] and str(user["id"]) != beside and user["external_id"]
        if taken and taken.lower() == str(external_id).lower():
            invalid_record("external_id", "External: has already been taken", "DuplicateValue")


# the user fields of this account, by the type of value they take
_USER_FIELD_TYPES: dict[str, tuple[type, ...]] = {
    "common_customer_id": (str,),
    "segments": (str,),
    "open_tickets": (int,),
    "lifetime_value": (int, float),
    "can_email": (bool,),
}


def known_user_fields(given: Object) -> Object:
    """Those that the account has; a value of another type is refused."""
    known = {name: value for name, value in given.items() if name in _USER_FIELD_TYPES}
    for name, value in known.items():
        if value is not None and type(value) not in _USER_FIELD_TYPES[name]:
            invalid_record(name, f"{name}: is invalid", "InvalidValue")
    return known


def not_found() -> NoReturn:
    """Refuse: no such record."""
    raise VendorError(Answer({"error": "RecordNotFound", "description": "Not found"}, 404))


def invalid_record(field: str, text: str, code: str) -> NoReturn:
    """Refuse a write: a field is not valid."""
    details = {field: [{"description": text, "error": code}]}
    raise VendorError(Answer({"error": "RecordInvalid", "description": "Record validation errors", "details": details}, 422))
