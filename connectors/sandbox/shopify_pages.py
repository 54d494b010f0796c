"""Shopify's connections: filter, sort, cut a page by cursor. At most 250 at once; cursors hold the last value and ID."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError

from connectors.sandbox.shelf import Object
from connectors.sandbox.shopify_search import Getter, Search, SearchSyntaxError

MAX_PAGE = 250
View = Callable[[Object], Any]
Key = Callable[[Object], int | str]
Placed = tuple[tuple[Any, int], Object]

_TIMES = frozenset({"updated_at", "created_at", "processed_at", "customer_date"})


def _held(name: str) -> Getter:
    return lambda record: record.get(name)


_CUSTOMER_FIELDS: dict[str, Getter] = {
    "id": _held("number"),
    "email": _held("email"),
    "phone": _held("phone"),
    "first_name": _held("firstName"),
    "last_name": _held("lastName"),
    "state": _held("state"),
    "tag": _held("tags"),
    "updated_at": _held("updatedAt"),
    "customer_date": _held("createdAt"),
    "country": lambda record: [
        place[name] for place in record["addresses"] for name in ("country", "countryCode") if place.get(name)
    ],
}
_ORDER_FIELDS: dict[str, Getter] = {
    "id": _held("number"),
    "name": lambda record: [f"#{record['orderNumber']}", str(record["orderNumber"])],
    "email": _held("email"),
    "customer_id": _held("customer"),
    "test": _held("test"),
    "tag": _held("tags"),
    "financial_status": _held("financial"),
    "fulfillment_status": _held("fulfillment"),
    "status": lambda record: "cancelled" if record["cancelledAt"] else "closed" if record["closedAt"] else "open",
    "created_at": _held("createdAt"),
    "updated_at": _held("updatedAt"),
    "processed_at": _held("processedAt"),
}
_EVENT_FIELDS: dict[str, Getter] = {
    "id": _held("number"),
    "action": _held("action"),
    "subject_type": _held("subjectType"),
    "created_at": _held("createdAt"),
    "comments": lambda record: ["true", "false"],
}
_CUSTOMER_KEYS: dict[str, Key] = {
    "ID": lambda record: 0,
    "CREATED_AT": _held("createdAt"),
    "UPDATED_AT": _held("updatedAt"),
    "NAME": lambda record: f"{record['lastName'] or ''}, {record['firstName'] or ''}",
}
_ORDER_KEYS: dict[str, Key] = {
    "ID": lambda record: 0,
    "CREATED_AT": _held("createdAt"),
    "UPDATED_AT": _held("updatedAt"),
    "PROCESSED_AT": _held("processedAt"),
    "ORDER_NUMBER": _held("orderNumber"),
}
_EVENT_KEYS: dict[str, Key] = {"ID": lambda record: 0, "CREATED_AT": _held("createdAt")}


class Pages:
    """Pages of one request; collects the warnings of its searches.

    Args:
        now: unix seconds.
    """

    def __init__(self, now: int) -> None:
        self._now = now
        self.searches: list[Object] = []

    def customers(self, args: Object, records: Iterable[Object], view: View) -> Object:
        """A page of customers."""
        found = self.found(args, records, _CUSTOMER_FIELDS, _customer_words)
        return _page(args, found, _key(args, _CUSTOMER_KEYS), view)

    def orders(self, args: Object, records: Iterable[Object], view: View) -> Object:
        """A page of orders."""
        found = self.found(args, records, _ORDER_FIELDS, lambda record: [record["email"], f"#{record['orderNumber']}"])
        return _page(args, found, _key(args, _ORDER_KEYS), view)

    def events(self, args: Object, records: Iterable[Object], view: View) -> Object:
        """A page of events; they are kept for a year."""
        kept = (record for record in records if record["createdAt"] > self._now - 365 * 86_400)
        found = self.found(args, kept, _EVENT_FIELDS, lambda record: [record["action"]])
        return _page(args, found, _key(args, _EVENT_KEYS), view)

    def plain(self, args: Object, records: list[Object], view: View) -> Object:
        """A page of a short list that cannot be searched."""
        return _page(args, records, lambda record: 0, view)

    def count(self, kind: str, args: Object, records: Iterable[Object]) -> Object:
        """How many customers or orders there are, exactly up to the limit."""
        fields, words = (_CUSTOMER_FIELDS, _customer_words) if kind == "customers" else (_ORDER_FIELDS, _held("number"))
        number, limit = len(self.found(args, records, fields, words)), args.get("limit")
        if limit is not None and number > limit:
            return {"count": limit, "precision": "AT_LEAST"}
        return {"count": number, "precision": "EXACT"}

    def found(
        self, args: Object, records: Iterable[Object], fields: dict[str, Any], words: Callable[[Object], Any]
    ) -> list[Object]:
        """The records that a query finds."""
        query = args.get("query")
        if not query:
            return list(records)
        search = Search(query, fields, _TIMES, self._now, words)
        try:
            test = search.predicate()
        except SearchSyntaxError:
            raise GraphQLError("Invalid search query", extensions={"code": "INVALID_SEARCH_QUERY"}) from None
        if search.warnings:
            self.searches.append({"query": query, "warnings": search.warnings})
        return [record for record in records if test(record)]


def _customer_words(record: Object) -> list[Any]:
    return [record[name] for name in ("firstName", "lastName", "email", "phone")]


def _key(args: Object, keys: dict[str, Key]) -> Key:
    name = args.get("sortKey") or "ID"
    if name not in keys:
        raise GraphQLError(f"The sandbox does not sort by {name}", extensions={"code": "BAD_REQUEST"})
    return keys[name]


def _page(args: Object, records: list[Object], key: Key, view: View) -> Object:
    size, backwards = _size(args)
    reverse = bool(args.get("reverse"))
    ordered = _ordered(records, key, reverse)
    start = _place(ordered, args.get("after"), reverse, beyond=True) or 0
    end = _place(ordered, args.get("before"), reverse, beyond=False)
    window = ordered[start:end]
    page = window[-size:] if backwards else window[:size]
    first = start + (len(window) - len(page) if backwards else 0)
    cursors = [_cursor(place) for place, _ in page]
    return {
        "edges": lambda info: [{"cursor": mark, "node": view(record)} for mark, (_, record) in zip(cursors, page, strict=True)],
        "nodes": lambda info: [view(record) for _, record in page],
        "pageInfo": {
            "hasNextPage": first + len(page) < len(ordered),
            "hasPreviousPage": first > 0,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def _place(ordered: list[Placed], cursor: str | None, reverse: bool, *, beyond: bool) -> int | None:
    """Where the first record after a cursor stands, or (not beyond) the first that is not before it; None without a cursor."""
    if cursor is None:
        return None
    mark = _mark(cursor)

    def passed(place: tuple[Any, int]) -> bool:
        if place == mark:
            return not beyond
        return bool(place < mark if reverse else place > mark)

    return next((number for number, (place, _) in enumerate(ordered) if passed(place)), len(ordered))


def _ordered(records: list[Object], key: Key, reverse: bool) -> list[Placed]:
    placed = [((key(record), record.get("number", place)), record) for place, record in enumerate(records)]
    return sorted(placed, key=lambda pair: pair[0], reverse=reverse)


def _size(args: Object) -> tuple[int, bool]:
    """How many, and whether from the end."""
    given = [(name, int(args[name])) for name in ("first", "last") if args.get(name) is not None]
    if len(given) != 1:
        raise GraphQLError("you must provide one of first or last", extensions={"code": "BAD_REQUEST"})
    name, size = given[0]
    if size < 0:
        raise GraphQLError(f"{name} must be positive", extensions={"code": "BAD_REQUEST"})
    if size > MAX_PAGE:
        text = f"{name} cannot exceed {MAX_PAGE}. To query larger amounts of data with fewer limits, bulk operations should be used"
        raise GraphQLError(f"{text} instead.", extensions={"code": "BAD_REQUEST"})
    return size, name == "last"


def _cursor(place: tuple[Any, int]) -> str:
    value = place[0]
    if isinstance(value, int) and value > 10**9:
        value = datetime.fromtimestamp(value, UTC).isoformat()
    return base64.b64encode(json.dumps({"last_id": place[1], "last_value": value}, separators=(",", ":")).encode()).decode()


def _mark(cursor: str) -> tuple[Any, int]:
    try:
        held = json.loads(base64.b64decode(cursor, validate=True))
        value = held["last_value"]
        if isinstance(value, str) and value[:2] == "20" and "T" in value:
            value = int(datetime.fromisoformat(value).timestamp())
        return value, held["last_id"]
    except (ValueError, KeyError, TypeError):
        raise GraphQLError("Invalid cursor for current pagination sort.", extensions={"code": "BAD_REQUEST"}) from None
