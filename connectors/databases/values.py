"""Columns of a database as JSON values: nothing is lost, and a column keeps one JSON type.

The warehouse reads JSON numbers as doubles when it maps them, so a decimal column that may hold more digits than a double keeps
is handed on as text. Times are ISO 8601; bytes are ``base64:...``; not-a-number and the infinities are their names.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from math import isfinite, isnan
from typing import Any

import simplejson

Converter = Callable[[Any], Any]

EXACT_DIGITS = 15  # what a double keeps for sure
_WIDEST_INTEGER = 2**64  # the warehouse's JSON reader keeps integers of 64 bits
_DEEPEST = 200  # levels of nesting; JSON beyond stays text, as parsers and writers end somewhere


def number(value: float | Decimal) -> Any:
    """A number with its digits; the ones JSON does not know as text."""
    if isfinite(value):
        return value
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def short_number(text: str) -> Any:
    """The same of a decimal that comes as text, of a column that holds no more digits than a double."""
    return number(Decimal(text))


def wide_number(value: Decimal) -> str:
    """A decimal of a column that holds more digits than a double, as text."""
    return format(value, "f") if value.is_finite() else str(value)


def money_number(text: str) -> str:
    """``$1,234.50``, as PostgreSQL writes its type money in the server's own language, as a number; text that leaves open which of
    its marks is the decimal point, as it is.
    """
    figures = re.sub(r"[^0-9.,]", "", text).strip(".,")
    whole, mark, decimals = re.fullmatch(r"(.*?)(?:([.,])(\d{2}))?", figures, re.DOTALL).groups()  # type: ignore[union-attr]
    if not re.fullmatch(r"\d+|\d{1,3}([.,]\d{3})+" if mark else r"\d+", whole) or (mark and mark in whole):
        return text
    sign = "-" if "-" in text or text.startswith("(") else ""
    return f"{sign}{re.sub('[.,]', '', whole)}{f'.{decimals}' if mark else ''}"


def binary(value: Any) -> Any:
    """Bytes as text; text of a column that may hold either, as it is."""
    return value if isinstance(value, str) else "base64:" + base64.b64encode(bytes(value)).decode()


def bits(value: Any) -> Any:
    """A bit field as the number it writes."""
    return int.from_bytes(value, "big") if isinstance(value, bytes) else value


def utc_text(value: str) -> str:
    """``2026-01-01 10:00:00.5+00``, as PostgreSQL writes times in UTC, by ISO 8601; infinity and years BC as they are."""
    return f"{value[:10]}T{value[11:]}:00" if value[10:11] == " " and value.endswith("+00") else value


def local_text(value: str) -> str:
    """``2026-01-01 10:00:00`` by ISO 8601; whatever is written otherwise, as it is."""
    return f"{value[:10]}T{value[11:]}" if value[10:11] == " " and value[-1].isdigit() else value


def utc_stamp(value: str) -> str:
    """The same of a time that is in UTC and does not say so; MariaDB's zero date as it is."""
    return f"{value[:10]}T{value[11:]}+00:00" if value[10:11] == " " and not value.startswith("0000") else value


def listed(convert: Converter) -> Converter:
    """For arrays, of any dimension, of what a converter is for."""

    def each(value: Any) -> Any:
        return [each(item) for item in value] if isinstance(value, list) else None if value is None else convert(value)

    return each


def parsed_json(given: str | bytes) -> Any:
    """A JSON column parsed, its digits kept; text where it is nested deeper than anybody reads, or is no JSON."""
    text = given if isinstance(given, str) else given.decode()
    try:
        if text.count("[") + text.count("{") > _DEEPEST and _depth(text) > _DEEPEST:
            return text
        return simplejson.loads(text, use_decimal=True)
    except (ValueError, InvalidOperation):  # the last: of an exponent that nobody can hold
        return text


def _depth(text: str) -> int:
    # brackets inside of texts count too, which errs on the safe side
    deepest = depth = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def anything(value: Any) -> Any:
    """A value of a database whose column types are not known to us."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if -_WIDEST_INTEGER // 2 <= value < _WIDEST_INTEGER else str(value)
        case float():
            return number(value)
        case Decimal():
            return number(value) if len(value.as_tuple().digits) <= EXACT_DIGITS else wide_number(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes() | bytearray() | memoryview():
            return binary(value)
        case dict():
            return {str(key): anything(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [anything(inner) for inner in value]
        case _:
            return str(value)
