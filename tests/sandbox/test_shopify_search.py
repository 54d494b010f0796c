"""Shopify's search syntax."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox.shopify_search import Search, SearchSyntaxError

NOW = int(datetime(2026, 9, 20, tzinfo=UTC).timestamp())
RECORD = {
    "at": int(datetime(2026, 3, 1, 9, 30, tzinfo=UTC).timestamp()),
    "id": 42,
    "name": "Ann Lee",
    "tags": ["VIP", "new"],
    "test": False,
}
FIELDS = {
    "at": lambda r: r["at"],
    "id": lambda r: r["id"],
    "name": lambda r: r["name"],
    "tag": lambda r: r["tags"],
    "test": lambda r: r["test"],
}


def search(query: str) -> Search:
    return Search(query, FIELDS, frozenset({"at"}), NOW, lambda record: [record["name"]])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True),
        ("at:>='2026-03-01T09:30:00Z'", True),
        ("at:>'2026-03-01T09:30:00Z'", False),
        ("at:>'2026-03-01T10:29:59+01:00'", True),
        ("at: >='2026-03-01'", True),
        ("at:<now", True),
        ("at:2026-03-01", True),
        ("at:2026-03-02", False),
        ("at:2026-02-01..2026-03-31", True),
        ("at:>=2026-03-01 AND at:<2026-03-02", True),
        ("id:42", True),
        ("id:>42", False),
        ("id:>=42 id:<=42", True),
        ("tag:vip", True),
        ("-tag:vip", False),
        ("NOT tag:vip", False),
        ("tag:old OR tag:new", True),
        ("(tag:old OR tag:new) AND id:7", False),
        ("tag:old OR (tag:new AND id:42)", True),
        ("test:false", True),
        ("name:*", True),
        ('name:"Ann Lee"', True),
        ("lee", True),
        ("'ann lee'", True),
        ("bob", False),
    ],
)
def test_queries_find_what_they_say(query: str, found: bool) -> None:
    assert search(query).predicate()(RECORD) is found


@pytest.mark.parametrize("query", ["(id:42", "id:42)", "AND", "id:>many", "at:>soon", "id:42 OR", "NOT"])
def test_what_cannot_be_read_is_refused(query: str) -> None:
    with pytest.raises(SearchSyntaxError):
        search(query).predicate()


def test_an_unknown_field_does_not_filter_and_is_warned_of() -> None:
    asked = search("colour:red AND id:42")
    assert asked.predicate()(RECORD) is True
    assert [warning["field"] for warning in asked.warnings] == ["colour"]


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(query: str) -> None:
    try:
        test = search(query).predicate()
    except SearchSyntaxError:
        return
    assert test(RECORD) in (True, False)
