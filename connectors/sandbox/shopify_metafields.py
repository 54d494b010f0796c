"""Shopify's metafields of customers: what may be set, the digest that a change is compared by, all or none, and taking away.

Source: the official schema's descriptions of metafieldsSet, MetafieldsSetInput and MetafieldsSetUserErrorCode (2026-10).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import date, datetime

from connectors.sandbox.shelf import Object
from connectors.sandbox.shopify_books import ShopifyBooks, UserError

AT_ONCE = 25


def _number(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,13}(\.\d{1,9})?", text) is not None


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return test


TYPES: dict[str, Callable[[str], bool]] = {
    "single_line_text_field": lambda text: "\n" not in text and len(text) <= 65_535,
    "multi_line_text_field": lambda text: len(text) <= 65_535,
    "number_integer": lambda text: re.fullmatch(r"-?\d{1,16}", text) is not None,
    "number_decimal": _number,
    "boolean": lambda text: text in ("true", "false"),
    "date": _parses(date.fromisoformat),
    "date_time": _parses(datetime.fromisoformat),
}


def digest(held: Object) -> str:
    """What tells one value of a metafield from another."""
    return hashlib.sha256(f"{held['type']}\x00{held['value']}".encode()).hexdigest()


def held_by(books: ShopifyBooks, owner: str) -> list[Object]:
    """The metafields of a customer (global ID)."""
    return [field for field in books.metafields.values() if field["owner"] == owner]


def set_all(books: ShopifyBooks, at: int, metafields: list[Object]) -> list[Object]:
    """Set metafields (owner, namespace, key, kind, value, perhaps digest), all or none. Raises `UserError`."""
    if len(metafields) > AT_ONCE:
        raise UserError(["metafields"], f"Exceeded the maximum metafields input limit of {AT_ONCE}.", "LESS_THAN_OR_EQUAL_TO")
    for number, field in enumerate(metafields):
        problem = _problem(books, field)
        if problem:
            name, message, code = problem
            raise UserError(["metafields", str(number), name], message, code, number)
    return [
        books.set_metafield(at, *(field[name] for name in ("owner", "namespace", "key", "kind", "value"))) for field in metafields
    ]


def _problem(books: ShopifyBooks, field: Object) -> tuple[str, str, str] | None:
    """What is wrong with an input: its field, what Shopify says, and the code."""
    if books.customers.get(field["owner"].rpartition("/")[2]) is None:
        return "ownerId", "Owner does not exist.", "INVALID"
    for name, least, most in (("namespace", 3, 255), ("key", 2, 64)):
        if len(field[name]) < least:
            return name, f"is too short (minimum is {least} characters)", "TOO_SHORT"
        if len(field[name]) > most:
            return name, f"is too long (maximum is {most} characters)", "TOO_LONG"
        if not re.fullmatch(r"[A-Za-z0-9_$:-]+", field[name]):
            return name, "can only contain alphanumeric, hyphen, and underscore characters", "INVALID"
    if field["kind"] not in TYPES:
        return "type", "Type must be one of the supported types.", "INVALID_TYPE" if field["kind"] else "BLANK"
    if field["value"] == "":
        return "value", "may not be empty", "BLANK"
    if not TYPES[field["kind"]](field["value"]):
        return "value", f"Value is not valid for the type {field['kind']}.", "INVALID_VALUE"
    if "digest" in field:
        held = books.metafields.get(f"{field['owner']} {field['namespace']} {field['key']}")
        if field["digest"] != (digest(held) if held else None):
            return "compareDigest", "The resource has been updated since it was loaded. Try again.", "STALE_OBJECT"
    return None


def delete_all(books: ShopifyBooks, at: int, metafields: list[Object]) -> list[Object | None]:
    """Take metafields away (owner, namespace, key); None for one that is not there."""
    gone: list[Object | None] = []
    for field in metafields:
        held = books.metafields.pop(f"{field['owner']} {field['namespace']} {field['key']}", None)
        owner = books.customers.get(field["owner"].rpartition("/")[2])
        if held and owner:
            owner["updatedAt"] = at
        gone.append({"ownerId": field["owner"], "namespace": field["namespace"], "key": field["key"]} if held else None)
    return gone
