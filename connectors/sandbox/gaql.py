"""The Google Ads Query Language: text to a parsed query. What fields there are and what they mean is google_fields.py.

    SELECT field, ... FROM resource [WHERE condition AND ...] [ORDER BY field [ASC|DESC], ...] [LIMIT n] [PARAMETERS name=value]

Source: https://developers.google.com/google-ads/api/docs/query/grammar
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta

_TOKEN = re.compile(r"""\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|!=|>=|<=|[=<>(),]|[^\s=<>!(),'"]+)""")
_FIELD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")
_WORD_OPERATORS = (
    "IN",
    "NOT IN",
    "LIKE",
    "NOT LIKE",
    "BETWEEN",
    "DURING",
    "IS NULL",
    "IS NOT NULL",
    "CONTAINS ANY",
    "CONTAINS ALL",
)


class QueryError(Exception):
    """The query cannot be run; ``code`` is of Google's QueryErrorEnum."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Condition:
    """One condition: a field, an operator in capitals, and its values as text."""

    name: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass
class Query:
    """A parsed query."""

    select: list[str]
    resource: str
    where: list[Condition] = field(default_factory=list)
    order_by: list[tuple[str, bool]] = field(default_factory=list)
    limit: int | None = None


class Parser:
    """Reads one query."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        place, text = 0, text.strip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise QueryError("BAD_SYMBOL", f"Error in query: unexpected input {text[place]}.")
            self._tokens.append(match[1])
            place = match.end()
        self._at = 0

    def query(self) -> Query:
        """The whole query. Raises `QueryError`."""
        if not self._accept("SELECT"):
            raise QueryError("EXPECTED_SELECT", "Error in query: expected SELECT.")
        select = self._list_of_fields()
        if not self._accept("FROM"):
            raise QueryError("EXPECTED_FROM", "Error in query: expected FROM.")
        found = Query(select, self._next())
        if self._accept("WHERE"):
            found.where.append(self._condition())
            while self._accept("AND"):
                found.where.append(self._condition())
        if self._accept("ORDER"):
            self._order_by(found)
        if self._accept("LIMIT"):
            found.limit = self._limit()
        if self._accept("PARAMETERS"):
            self._at = len(self._tokens)
        if self._at < len(self._tokens):
            raise QueryError("UNEXPECTED_INPUT", f"Error in query: unexpected input {self._peek()}.")
        return found

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise QueryError("UNEXPECTED_END_OF_QUERY", "Error in query: unexpected end of query.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, word: str) -> bool:
        if self._peek().upper() == word:
            self._at += 1
            return True
        return False

    def _field(self) -> str:
        name = self._next()
        if not _FIELD.match(name):
            raise QueryError("BAD_FIELD_NAME", f"Error in query: invalid field name '{name}'.")
        return name

    def _list_of_fields(self) -> list[str]:
        names = [self._field()]
        while self._accept(","):
            if self._peek().upper() == "FROM":
                break
            names.append(self._field())
        return names

    def _condition(self) -> Condition:
        name = self._field()
        operator = self._next().upper()
        if operator == "NOT" or (operator == "IS" and self._peek().upper() == "NULL"):
            operator += f" {self._next().upper()}"
        elif operator == "IS":
            operator += f" {self._next().upper()} {self._next().upper()}"
        if operator in ("IS NULL", "IS NOT NULL"):
            return Condition(name, operator)
        if operator == "BETWEEN":
            low = self._value()
            if not self._accept("AND"):
                raise QueryError("EXPECTED_AND", "Error in query: expected AND.")
            return Condition(name, operator, (low, self._value()))
        if operator in _WORD_OPERATORS and self._peek() == "(":
            return Condition(name, operator, self._values())
        if operator not in ("=", "!=", "<", "<=", ">", ">=", *_WORD_OPERATORS):
            raise QueryError("BAD_OPERATOR", f"Error in query: invalid operator '{operator}'.")
        return Condition(name, operator, (self._value(),))

    def _value(self) -> str:
        token = self._next()
        return token[1:-1] if token[0] in "'\"" else token

    def _values(self) -> tuple[str, ...]:
        self._next()
        values = [self._value()]
        while self._accept(","):
            values.append(self._value())
        if not self._accept(")"):
            raise QueryError("EXPECTED_LIST", "Error in query: expected ')'.")
        return tuple(values)

    def _order_by(self, query: Query) -> None:
        if not self._accept("BY"):
            raise QueryError("EXPECTED_BY", "Error in query: expected BY.")
        more = True
        while more:
            name = self._field()
            descending = self._accept("DESC")
            if not descending:
                self._accept("ASC")
            query.order_by.append((name, descending))
            more = self._accept(",")

    def _limit(self) -> int:
        value = self._next()
        if not value.isdigit() or int(value) < 1:
            raise QueryError("BAD_LIMIT_VALUE", f"Error in query: invalid limit '{value}'.")
        return int(value)


def date_range(conditions: list[Condition], name: str, today: date) -> tuple[date | None, date | None]:
    """The first and last day that the conditions on a date field leave; None where they leave it open. Raises `QueryError`."""
    first: date | None = None
    last: date | None = None
    for condition in conditions:
        if condition.name == name:
            low, high = _days(condition, today)
            first = max(filter(None, (first, low)), default=None)
            last = min(filter(None, (last, high)), default=None)
    return first, last


def _days(condition: Condition, today: date) -> tuple[date | None, date | None]:
    operator = condition.operator
    if operator == "DURING":
        return _during(condition.values[0].upper(), today)
    days = [_day(value) for value in condition.values]
    if operator == "BETWEEN":
        return days[0], days[1]
    one = timedelta(days=1)
    bounds: dict[str, tuple[date | None, date | None]] = {
        "=": (days[0], days[0]),
        ">=": (days[0], None),
        ">": (days[0] + one, None),
        "<=": (None, days[0]),
        "<": (None, days[0] - one),
    }
    if operator not in bounds:
        raise QueryError("OPERATOR_FIELD_MISMATCH", f"Operator {operator} cannot be used with a date.")
    return bounds[operator]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise QueryError("INVALID_DATE_FORMAT", f"Invalid date '{text}', expected YYYY-MM-DD.") from None


def _during(name: str, today: date) -> tuple[date, date]:
    yesterday = today - timedelta(days=1)
    spans = {
        "TODAY": (today, today),
        "YESTERDAY": (yesterday, yesterday),
        "LAST_7_DAYS": (today - timedelta(days=7), yesterday),
        "LAST_14_DAYS": (today - timedelta(days=14), yesterday),
        "LAST_30_DAYS": (today - timedelta(days=30), yesterday),
        "THIS_MONTH": (today.replace(day=1), today),
    }
    if name not in spans:
        raise QueryError("INVALID_VALUE_WITH_DURING_OPERATOR", f"'{name}' is no date range.")
    return spans[name]
