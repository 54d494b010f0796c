"""Zendesk's lists: offset and cursor pages, and the part of its search language that clients use."""

from __future__ import annotations

import base64
import shlex
from urllib.parse import urlencode

from connectors.sandbox.shelf import Object
from connectors.sandbox.wire import Answer, Call, VendorError
from connectors.sandbox.zendesk_answers import invalid
from connectors.sandbox.zendesk_books import ZendeskBooks

MAX_PAGE = 100
# offset pages end here, whatever there is
DEEPEST = 10_000


def page_of(call: Call, kind: str, records: list[Object]) -> Answer:
    """A page of records: by cursor if ``page[size]`` is asked for, else by offset."""
    if call.param("page[size]") is not None:
        return _cursor_page(call, kind, records)
    page, size = _positive(call, "page", 1), min(_positive(call, "per_page", MAX_PAGE), MAX_PAGE)
    if page * size > DEEPEST:
        text = "pagination depth must be at most 100 pages"
        raise VendorError(Answer({"error": {"title": "InvalidPaginationDepth", "message": text}}, 400))
    cut = records[(page - 1) * size : page * size]
    more, less = page * size < len(records), page > 1
    return Answer(
        {
            kind: cut,
            "count": len(records),
            "next_page": _link(call, {"page": str(page + 1), "per_page": str(size)}) if more else None,
            "previous_page": _link(call, {"page": str(page - 1), "per_page": str(size)}) if less else None,
        }
    )


def _cursor_page(call: Call, kind: str, records: list[Object]) -> Answer:
    size = min(_positive(call, "page[size]", MAX_PAGE), MAX_PAGE)
    after = call.param("page[after]")
    start = 0
    if after is not None:
        try:
            last = int(base64.b64decode(after, validate=True))
        except ValueError:
            invalid("page[after]", "the cursor is not valid")
        start = next((place for place, record in enumerate(records) if record["id"] > last), len(records))
    cut = records[start : start + size]
    more = start + size < len(records)
    cursor = base64.b64encode(str(cut[-1]["id"]).encode()).decode() if cut else None
    following = _link(call, {"page[size]": str(size), "page[after]": cursor}) if more and cursor else None
    return Answer(
        {
            kind: cut,
            "meta": {"has_more": more, "after_cursor": cursor, "before_cursor": None},
            "links": {"prev": None, "next": following},
        }
    )


def _positive(call: Call, name: str, default: int) -> int:
    given = call.param(name)
    if given is None:
        return default
    if not given.isdigit() or int(given) < 1:
        invalid(name, f"{name} must be a positive integer")
    return int(given)


def _link(call: Call, changes: dict[str, str]) -> str:
    kept = [(name, value) for name, value in call.query if name not in changes]
    return f"{call.base}{call.path}?{urlencode([*kept, *changes.items()])}"


def found_by(query: str, kind: str, record: Object, books: ZendeskBooks) -> bool:
    """True if a record is found by a search: ``type:user email:a@b``, ``status:open``, ``requester:a@b``, and plain words."""
    try:
        words = shlex.split(query)
    except ValueError:
        words = query.split()
    return all(_fits(word, kind, record, books) for word in words)


def _fits(word: str, kind: str, record: Object, books: ZendeskBooks) -> bool:
    name, colon, value = word.partition(":")
    value = value.lower()
    if not colon:
        texts = (record.get("name"), record.get("email"), record.get("subject"), record.get("description"))
        return any(name.lower() in text.lower() for text in texts if text)
    if name == "type":
        return value == kind
    if name == "requester":
        return kind == "ticket" and value in _requester(record, books)
    held = record.get({"created": "created_at", "updated": "updated_at"}.get(name, name))
    if isinstance(held, list):
        return value in held
    return held is not None and str(held).lower() == value


def _requester(ticket: Object, books: ZendeskBooks) -> tuple[str, str]:
    user = books.users.get(str(ticket["requester_id"])) or {}
    return str(ticket["requester_id"]), (user.get("email") or "").lower()
