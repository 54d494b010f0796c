"""Xero's lists: pages, If-Modified-Since, and the part of its filter and order language that clients of lists use."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn

from connectors.sandbox.shelf import Object
from connectors.sandbox.wire import Answer, Call, VendorError

PAGE_SIZE, MAX_PAGE = 100, 1000
_TERM = re.compile(r'\s*([A-Za-z.]+)\s*(==|!=|=)\s*(?:"([^"]*)"|(true|false)|[Gg]uid\("([0-9a-f-]+)"\))\s*')


def page_of(
    call: Call, name: str, held: list[Object], changed: dict[str, int], key: str, show: Callable[[Object], Object]
) -> Object:
    """The part of an answer that holds the records and says which page they are.

    Args:
        held: what the books have, in order of creation.
        changed: record ID -> milliseconds of its last change.
        key: the ID field.
        show: how a record is shown.
    """
    since = _since(call)
    found = [record for record in held if since is None or changed[record[key]] // 1000 >= since]
    ids = {part.lower() for part in (call.param("IDs") or "").split(",") if part}
    if ids:
        found = [record for record in found if record[key] in ids]
    wanted = _filter(call.param("where"))
    found = [record for record in found if wanted(record)]
    found = _ordered(call.param("order"), found, changed, key)
    if call.param("page") is None and call.param("pageSize") is None:
        return {name: [show(record) for record in found]}
    page, size = _number(call, "page", 1), _number(call, "pageSize", PAGE_SIZE)
    if size > MAX_PAGE:
        refuse(f"The pageSize {size} is above the maximum of {MAX_PAGE}")
    cut = found[(page - 1) * size : page * size]
    count = -(-len(found) // size)
    return {
        "pagination": {"page": page, "pageSize": size, "pageCount": count, "itemCount": len(found)},
        name: [show(record) for record in cut],
    }


def _since(call: Call) -> int | None:
    """Seconds of the If-Modified-Since header, which Xero takes as ISO 8601; without a zone it is UTC."""
    text = call.headers.get("if-modified-since")
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        refuse("The If-Modified-Since header is not a valid timestamp")
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def _filter(where: str | None) -> Callable[[Object], bool]:
    terms = []
    for text in re.split(r"&&|\bAND\b", where) if where else ():
        found = _TERM.fullmatch(text)
        if found is None:
            refuse(f"The filter {text.strip()} cannot be read", "QueryParseException", 16)
        field, sign, value, flag, guid = found.groups()
        terms.append((field, sign != "!=", flag == "true" if flag else value if value is not None else guid))
    return lambda record: all((_value(record, field) == value) == equal for field, equal, value in terms)


def _value(record: Object, field: str) -> Any:
    if field == "Contact.ContactID":
        return record.get("contact")
    if field not in record and field not in ("IsCustomer", "IsSupplier", "ContactNumber", "CompanyNumber"):
        refuse(f"No property or field '{field}' exists", "QueryParseException", 16)
    return record.get(field)


def _ordered(order: str | None, found: list[Object], changed: dict[str, int], key: str) -> list[Object]:
    if order is None:
        return found
    field, _, direction = order.strip().partition(" ")
    if direction.strip().upper() not in ("", "ASC", "DESC"):
        refuse(f"The order {order} cannot be read", "QueryParseException", 16)
    down = direction.strip().upper() == "DESC"
    if field.lower() == "updateddateutc":
        return sorted(found, key=lambda record: (changed[record[key]], record[key]), reverse=down)
    names = {name.lower(): name for name in (key, "Name", "Type", "Status", "Date")}
    if field.lower() not in names:
        refuse(f"No property or field '{field}' exists", "QueryParseException", 16)
    name = names[field.lower()]
    return sorted(found, key=lambda record: (record.get("day" if name == "Date" else name) or "", record[key]), reverse=down)


def _number(call: Call, name: str, default: int) -> int:
    given = call.param(name)
    if given is None:
        return default
    if not given.isdecimal() or int(given) < 1:
        refuse(f"The {name} {given} is not a positive number")
    return int(given)


def refuse(message: str, kind: str = "ValidationException", number: int = 10, elements: list[Object] | None = None) -> NoReturn:
    """Refuse with Xero's error for what it cannot take."""
    body: Object = {"ErrorNumber": number, "Type": kind, "Message": message}
    raise VendorError(Answer({**body, "Elements": elements} if elements is not None else body, 400))
