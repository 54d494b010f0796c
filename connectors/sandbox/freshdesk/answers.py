"""How Freshdesk words refusals, and how it reads what it is asked and told."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import urlencode

from connectors.sandbox.freshdesk.books import CONTACT_FIELDS, STATUSES, TICKET_FIELDS
from connectors.sandbox.shelf import Object
from connectors.sandbox.wire import Answer, Call, VendorError

LIST_PARAMS = {
    "tickets": {"filter", "requester_id", "email", "company_id", "updated_since", "order_by", "order_type", "include"},
    "contacts": {"email", "mobile", "phone", "company_id", "state", "contact_type", "_updated_since"},
    "companies": {"_updated_since"},
    "ratings": {"created_since", "user_id"},
}
_PAGED = {"page", "per_page"}
_WHO = ("requester_id", "email", "phone", "unique_external_id", "name")


def invalid(field: str, message: str, code: str = "invalid_value") -> NoReturn:
    """Refuse a value."""
    errors = [{"field": field, "message": message, "code": code}]
    raise VendorError(Answer({"description": "Validation failed", "errors": errors}, 400))


def not_found() -> Answer:
    """No such thing: Freshdesk says so without a body."""
    return Answer(None, 404)


def no_content(status: int = 204) -> Answer:
    """Done, with nothing to show."""
    return Answer(None, status)


def refuse_unknown(call: Call, known: set[str]) -> None:
    """Refuse a parameter that the list does not know."""
    for name, _ in call.query:
        if name not in known | _PAGED:
            invalid(name, "Unexpected/invalid field in request", "invalid_field")


def moment(call: Call, name: str) -> int | None:
    """A parameter that is a date or a time, as unix seconds."""
    given = call.param(name)
    return None if given is None else moment_of(given, name)


def moment_of(text: str, name: str = "created_at") -> int:
    """A date or a time, as unix seconds."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        invalid(name, "It should be in the 'combined date and time ISO8601' format")
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def page_of(call: Call, records: list[Any], deepest: int | None = None) -> Answer:
    """A page of records, with the next one's address in the link header."""
    page, size = _number(call, "page", 1, None), _number(call, "per_page", 30, 100)
    if deepest is not None and page > deepest:
        invalid("page", f"You cannot access tickets beyond the {deepest}th page. Please provide a smaller page number.")
    cut = records[(page - 1) * size : page * size]
    if page * size >= len(records):
        return Answer(cut)
    query = urlencode([*((name, value) for name, value in call.query if name != "page"), ("page", str(page + 1))])
    return Answer(cut, 200, {"link": f'<{call.base}{call.path}?{query}>; rel="next"'})


def _number(call: Call, name: str, default: int, most: int | None) -> int:
    given = call.param(name)
    if given is None:
        return default
    if not given.isdigit() or int(given) < 1 or (most is not None and int(given) > most):
        invalid(name, "It should be a Positive Integer" + (f" less than or equal to {most}" if most else ""))
    return int(given)


def fields_of(call: Call, known: tuple[str, ...]) -> Object:
    """The object that a write carries."""
    try:
        body = call.json()
    except ValueError:
        raise VendorError(Answer({"code": "invalid_json", "message": "Request body has invalid json format"}, 400)) from None
    if not isinstance(body, dict):
        raise VendorError(Answer({"code": "invalid_json", "message": "Request body has invalid json format"}, 400))
    for name in body:
        if name not in known:
            invalid(name, "Unexpected/invalid field in request", "invalid_field")
    return body


def contact_of(call: Call, *, creating: bool) -> Object:
    """A contact's fields, or a refusal."""
    fields = fields_of(call, CONTACT_FIELDS)
    if creating and not fields.get("name"):
        invalid("name", "It should not be blank as this is a mandatory field", "missing_field")
    if creating and not any(fields.get(name) for name in ("email", "phone", "mobile", "twitter_id", "unique_external_id")):
        invalid("email", "Please fill at least 1 of email, mobile, phone, twitter_id, unique_external_id fields", "missing_field")
    _check_email(fields)
    _check_custom(fields.get("custom_fields"))
    return fields


# the custom fields of contacts that this account has, by the type of value they take
_CUSTOM: dict[str, tuple[type, ...]] = {
    "department": (str,),
    "common_customer_id": (str,),
    "segments": (str,),
    "open_tickets": (int,),
    "lifetime_value": (int, float),
    "can_email": (bool,),
}


def _check_custom(given: Any) -> None:
    for name, value in given.items() if isinstance(given, dict) else ():
        if name not in _CUSTOM:
            invalid(f"custom_fields.{name}", "Unexpected/invalid field in request", "invalid_field")
        if value is not None and type(value) not in _CUSTOM[name]:
            invalid(name, "Value set is of the wrong type", "datatype_mismatch")


def ticket_of(call: Call, *, creating: bool) -> tuple[Object, Object]:
    """Who asks, and a ticket's fields; or a refusal."""
    given = fields_of(call, (*TICKET_FIELDS, *_WHO))
    who = {("id" if name == "requester_id" else name): given[name] for name in _WHO if given.get(name)}
    fields = {name: given[name] for name in TICKET_FIELDS if name in given}
    if creating and not set(who) - {"name"}:
        invalid("requester_id", "One of requester_id, phone, email, unique_external_id is mandatory", "missing_field")
    _check_email(who)
    for name, allowed in (("status", STATUSES), ("priority", (1, 2, 3, 4)), ("source", (1, 2, 3, 5, 6, 7, 9, 10))):
        if name in fields and fields[name] not in allowed:
            invalid(name, f"It should be one of these values: '{','.join(map(str, allowed))}'")
    return who, fields


def _check_email(fields: Object) -> None:
    email = fields.get("email")
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", str(email)):
        invalid("email", "It should be in the 'valid email address' format")
