"""Shopify's search syntax: ``updated_at:>='2026-03-01T00:00:00Z' AND (action:destroy OR action:create) -subject_type:ORDER``.

Terms are joined by AND unless OR stands between them; NOT or a minus turns one round. A field that a connection does not know is
ignored with a warning in ``extensions.search``, as Shopify does, so a misspelt filter does not filter: a trap worth having.
Source: https://shopify.dev/docs/api/usage/search-syntax
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.shelf import Object

Predicate = Callable[[Object], bool]
Getter = Callable[[Object], Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<term>-?[A-Za-z_]+:\s*(?:>=|<=|>|<)?\s*(?:'[^']*'|"[^"]*"|[^\s()]+))"""
    r"""|(?P<word>'[^']*'|"[^"]*"|[^\s()]+))"""
)
_TERM = re.compile(r"(-?)([A-Za-z_]+):\s*(>=|<=|>|<)?\s*(.*)", re.DOTALL)


class SearchSyntaxError(ValueError):
    """The query cannot be read."""


@dataclass
class Search:
    """A query made ready for one kind of record.

    Args:
        query: the text.
        fields: by name, what a record has under it: an int, a text, a bool, a list of texts; times are named in ``times``.
        times: the fields that are unix seconds.
        now: for ``<now``.
        words: the texts that a bare word is looked for in.
    """

    query: str
    fields: dict[str, Getter]
    times: frozenset[str]
    now: int
    words: Getter
    warnings: list[Object] = field(default_factory=list)

    def predicate(self) -> Predicate:
        """The test for a record. Raises `SearchSyntaxError`."""
        self._tokens = [m for m in _TOKEN.finditer(self.query) if m.lastgroup]
        self._at = 0
        if not self._tokens:
            return lambda record: True
        test = self._either()
        if self._at < len(self._tokens):
            raise SearchSyntaxError(self.query)
        return test

    def _peek(self) -> str:
        return self._tokens[self._at][0].strip() if self._at < len(self._tokens) else ""

    def _either(self) -> Predicate:
        tests = [self._both()]
        while self._peek().upper() == "OR":
            self._at += 1
            tests.append(self._both())
        return lambda record: any(test(record) for test in tests)

    def _both(self) -> Predicate:
        tests = [self._one()]
        while self._peek() not in ("", ")") and self._peek().upper() != "OR":
            if self._peek().upper() == "AND":
                self._at += 1
            tests.append(self._one())
        return lambda record: all(test(record) for test in tests)

    def _one(self) -> Predicate:
        if self._at >= len(self._tokens):
            raise SearchSyntaxError(self.query)
        token = self._tokens[self._at]
        self._at += 1
        if token.lastgroup == "open":
            test = self._either()
            if self._peek() != ")":
                raise SearchSyntaxError(self.query)
            self._at += 1
            return test
        if token.lastgroup == "close":
            raise SearchSyntaxError(self.query)
        if token.lastgroup == "term":
            return self._term(token["term"])
        if token["word"].upper() == "NOT":
            turned = self._one()
            return lambda record: not turned(record)
        if token["word"].upper() in ("AND", "OR"):
            raise SearchSyntaxError(self.query)
        word = _unquoted(token["word"]).lower()
        return lambda record: any(word in str(text).lower() for text in self.words(record) if text)

    def _term(self, text: str) -> Predicate:
        match = _TERM.fullmatch(text)
        assert match is not None
        minus, name, sign, value = match.groups()
        if name not in self.fields:
            warning = {"field": name, "message": "Invalid search field for this query.", "code": "invalid_field"}
            self.warnings.append(warning)
            return lambda record: True
        test = self._comparison(name, sign or "", _unquoted(value))
        return (lambda record: not test(record)) if minus else test

    def _comparison(self, name: str, sign: str, value: str) -> Predicate:
        get = self.fields[name]
        if name in self.times:
            low, high = self._time_bounds(value)
            return {
                ">": lambda record: get(record) is not None and get(record) > low,
                ">=": lambda record: get(record) is not None and get(record) >= low,
                "<": lambda record: get(record) is not None and get(record) < low,
                "<=": lambda record: get(record) is not None and get(record) <= low,
                "": lambda record: get(record) is not None and low <= get(record) <= high,
            }[sign]
        if sign:
            return _numbers(get, sign, value)
        if value == "*":
            return lambda record: bool(get(record))
        wanted = value.lower()
        return lambda record: wanted in _texts(get(record))

    def _time_bounds(self, value: str) -> tuple[int, int]:
        """A moment is one second; for equality a date is its whole day and ``a..b`` a range."""
        first, dots, last = value.partition("..")
        low = self._moment(first)
        if dots:
            return low, self._moment(last)
        return low, low + (86_399 if len(first) <= 10 else 0)

    def _moment(self, value: str) -> int:
        if value == "now":
            return self.now
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            raise SearchSyntaxError(value) from None
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _texts(held: Any) -> list[str]:
    values = held if isinstance(held, list) else [held]
    return [str(value).lower() for value in values if value is not None]


def _numbers(get: Getter, sign: str, value: str) -> Predicate:
    try:
        bound = float(value)
    except ValueError:
        raise SearchSyntaxError(value) from None
    compare: dict[str, Callable[[float], bool]] = {
        ">": lambda held: held > bound,
        ">=": lambda held: held >= bound,
        "<": lambda held: held < bound,
        "<=": lambda held: held <= bound,
    }
    return lambda record: get(record) is not None and compare[sign](float(get(record)))
