"""How Xero writes times and days, and what documents amount to."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from connectors.sandbox.shelf import Object

ZONE = ZoneInfo("Europe/London")


def moment(milliseconds: int) -> str:
    """/Date(1573755038314+0000)/."""
    return f"/Date({milliseconds}+0000)/"


def day_of(at: int) -> datetime:
    """Midnight of the day in the organisation's zone, written as if it were UTC, as Xero does."""
    local = datetime.fromtimestamp(at, ZONE)
    return datetime(local.year, local.month, local.day, tzinfo=UTC)


def noon(day: str) -> int:
    """Noon of a day as clients write it, 2026-03-01 or /Date(…)/. Raises `ValueError`."""
    if day.startswith("/Date("):
        return int(re.split(r"[(+)]", day)[1]) // 1000 + 43_200
    return int(datetime.fromisoformat(day[:10]).replace(hour=12, tzinfo=UTC).timestamp())


def total_of(document: Object) -> Decimal:
    """What a document amounts to, with tax."""
    return sum((net + tax for _, net, tax in document["lines"]), Decimal(0))


def due_on(document: Object) -> Decimal:
    """What is left of it."""
    left: Decimal = total_of(document) - document["AmountPaid"] - document["AmountCredited"]
    return left


def every(name: str, kinds: tuple[str, ...], given: list[Object]) -> list[Object]:
    """One entry of each kind, as Xero shows them; a later one of a kind wins."""
    return [next((entry for entry in reversed(given) if entry.get(name) == kind), {name: kind}) for kind in kinds]
