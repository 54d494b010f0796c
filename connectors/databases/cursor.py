"""Values of an `updated_at` column as cursor: in the checkpoint, set back by the look-back, compared with the database's clock.

A cursor may be a time with or without a zone, a date, a number that grows (a version, Unix time), or text that sorts as time does.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

_EPOCH_UNITS = {10: 1, 13: 1_000, 16: 1_000_000}  # digits of a Unix time of our days -> parts of a second it counts


def pack(value: Any) -> Any:
    """A value as JSON that `unpack` makes the same value of, of the same type."""
    match value:
        case None | bool() | int() | str() | float():
            return value
        case datetime():
            return {"time": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case Decimal():
            return {"decimal": str(value)}
        case UUID():
            return {"uuid": str(value)}
        case bytes() | bytearray() | memoryview():
            return {"bytes": bytes(value).hex()}
        case _:
            return str(value)


def unpack(packed: Any) -> Any:
    """See `pack`."""
    match packed:
        case {"time": text}:
            return datetime.fromisoformat(text)
        case {"date": text}:
            return date.fromisoformat(text)
        case {"decimal": text}:
            return Decimal(text)
        case {"uuid": text}:
            return UUID(text)
        case {"bytes": text}:
            return bytes.fromhex(text)
        case _:
            return packed


def moment(value: Any, zone: tzinfo) -> datetime | None:
    """The time a cursor's value stands for, in UTC; None if it is no time. One without a zone is the source's own."""
    try:
        time = datetime.fromisoformat(value) if type(value) is str else _time_of(value)
        if time is None or time.tzinfo is UTC:
            return time
        return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _time_of(value: Any) -> datetime | None:
    match value:
        case datetime():
            return value
        case date():
            return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - its zone is the source's
        case int():
            unit = _epoch_unit(value)
            return datetime.fromtimestamp(value / unit, UTC) if unit else None
        case _:
            return None


def written_as(time: datetime, like: Any, zone: tzinfo) -> Any | None:
    """A time as a value of the column that ``like`` is a value of; None if that column holds no times."""
    match like:
        case bool():
            return None
        case int():
            unit = _epoch_unit(like)
            return int(time.timestamp() * unit) if unit else None
        case str():
            parsed = _iso(like)
            if parsed is None:
                return None
            local = time.astimezone(parsed.tzinfo or zone)
            return local.strftime("%Y-%m-%d") + (like[10] + local.strftime("%H:%M:%S") if len(like) > 10 else "")
        case datetime():
            return time if like.tzinfo else time.astimezone(zone).replace(tzinfo=None)
        case date():
            return time.astimezone(zone).date()
        case _:
            return None


def set_back(value: Any, seconds: float, zone: tzinfo) -> Any:
    """A cursor's value, so many seconds earlier.

    In the hour that comes twice when summer time ends, a time without a zone is set back by that hour too: what happens in its
    second passing bears times that were there before.
    """
    try:
        match value:
            case bool():
                return value
            case int():
                return value - math.ceil(seconds * (_epoch_unit(value) or 1))
            case float():
                return value - seconds
            case Decimal():
                return value - Decimal(str(seconds))
            case datetime():
                return value - timedelta(seconds=seconds) - _twice(value, zone)
            case date():
                return value - timedelta(days=math.ceil(seconds / 86_400))
            case str():
                parsed = _iso(value)
                if parsed is None:
                    return value
                start = parsed - timedelta(seconds=seconds) - _twice(parsed, zone)
                return start.strftime("%Y-%m-%d") + (value[10] + start.strftime("%H:%M:%S") if len(value) > 10 else "")
            case _:
                return value
    except OverflowError:
        return value


def later(one: Any, other: Any, zone: tzinfo) -> bool:
    """Whether one cursor's value comes after another, also where the column's type was changed in between."""
    try:
        return bool(one > other)
    except TypeError:
        first, second = moment(one, zone), moment(other, zone)
        return first is not None and second is not None and first > second


def _epoch_unit(value: int) -> int | None:
    return _EPOCH_UNITS.get(len(str(value))) if value > 0 else None


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text[:4].isdecimal() and text[4:5] == "-" else None
    except ValueError:
        return None


def _twice(value: datetime, zone: tzinfo) -> timedelta:
    if value.tzinfo is not None:
        return timedelta()
    first, second = (value.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return max(first - second, timedelta())
