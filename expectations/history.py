"""What a load's own figures say next to those of the loads before: which rows lost values, which currencies and amounts moved.

Pure functions from figures to the frames that `expectations.frames` names `values`, `currency_mix`, `amounts` and `history`.
Figures are as `warehouse.figures` measures them. What is usual is the median of the last published loads, and how far a figure may
stray from it their median absolute deviation: neither is moved by one odd day. Limits belong in `expectations.measures`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from expectations.frames import FRAMES

if TYPE_CHECKING:
    import pandas as pd


class FigureKey(NamedTuple):
    """What a figure is of."""

    table: str
    source: str
    column: str
    measure: str


Figures = Mapping[FigureKey, float]

MIN_ROWS = 50  # a share of fewer rows says little
_MAD_TO_SIGMA = 1.4826  # of a normal distribution


def history_frames(now: Figures, before: Figures | None, past: Sequence[Figures]) -> dict[str, pd.DataFrame]:
    """The frames that a load's figures fill.

    Args:
        now: the figures of the load that is judged.
        before: those of the published load, None before the first or where it has none.
        past: those of the last published loads, the newest first.
    """
    import pandas as pd

    rows: dict[str, list[tuple[Any, ...]]] = {
        "values": list(_values(now, before)),
        "currency_mix": list(_currency_mix(now, before)),
        "amounts": list(_amounts(now, before)),
        "history": list(_history(now, past)),
    }
    return {name: pd.DataFrame(found, columns=list(FRAMES[name]), dtype=object) for name, found in rows.items()}


def _values(now: Figures, before: Figures | None) -> Iterable[tuple[Any, ...]]:
    for key, filled in now.items():
        if key.measure != "filled":
            continue
        rows = now[key._replace(column="", measure="rows")]
        was, rows_before = None, None
        if before is not None and key in before:
            was, rows_before = before[key], before[key._replace(column="", measure="rows")]
        yield (key.table, key.source, key.column, int(filled), _whole(was), int(rows), _whole(rows_before))


def _currency_mix(now: Figures, before: Figures | None) -> Iterable[tuple[Any, ...]]:
    """How many of the arrived rows would need another currency for the shares to be those of the published load.

    A currency that is new to the source takes no part (a market opens), unless most of the rows have it.
    """
    groups = sorted({(key.table, key.source) for key in now if key.column.startswith("currency ")})
    for table, source in groups:
        fresh = _by_currency(now, table, source, "arrived")
        known = _by_currency(before or {}, table, source, "rows")
        arrived, total = sum(fresh.values()), sum(known.values())
        shifted = None
        if arrived >= MIN_ROWS and total >= MIN_ROWS:
            strange = sum(n for currency, n in fresh.items() if currency not in known)
            usual = {currency: (arrived - strange) * n / total for currency, n in known.items()}
            beyond = sum(max(0.0, n - usual[currency]) for currency, n in fresh.items() if currency in known)
            shifted = int(beyond + (strange if 2 * strange > arrived else 0))
        yield (table, source, int(arrived), shifted)


def _by_currency(figures: Figures, table: str, source: str, measure: str) -> dict[str, float]:
    return {
        key.column: value
        for key, value in figures.items()
        if (key.table, key.source, key.measure) == (table, source, measure) and key.column.startswith("currency ")
    }


def _amounts(now: Figures, before: Figures | None) -> Iterable[tuple[Any, ...]]:
    for key, value in now.items():
        if key.measure != "arrived_median":
            continue
        was = (before or {}).get(key._replace(measure="median"))
        factor = None if not was or not value or (was < 0) != (value < 0) else max(value / was, was / value)
        arrived = now.get(FigureKey(key.table, key.source, f"currency {key.column.rpartition(' ')[2]}", "arrived"), 0)
        yield (key.table, key.source, key.column, int(arrived), None if factor is None else round(factor, 3))


def _history(now: Figures, past: Sequence[Figures]) -> Iterable[tuple[Any, ...]]:
    today = _watched(now)
    days = [_watched(figures) for figures in past]
    for key, (value, rows) in sorted(today.items()):
        earlier = [day[key][0] for day in days if key in day]
        usual, spread = (None, None) if not earlier else _usual(earlier)
        yield (key.table, key.source or None, key.column or None, key.measure, round(value, 6), usual, spread, len(earlier), rows)


def _usual(values: Sequence[float]) -> tuple[float, float]:
    """The median, and the median absolute deviation as a standard deviation."""
    median = statistics.median(values)
    return round(median, 6), round(_MAD_TO_SIGMA * statistics.median(abs(value - median) for value in values), 6)


def _watched(figures: Figures) -> dict[FigureKey, tuple[float, int]]:
    """The figures whose usual course is watched: value, and the rows it is about."""
    found: dict[FigureKey, tuple[float, int]] = {}
    for key, value in figures.items():
        arrived = int(figures.get(FigureKey(key.table, key.source, "", "arrived"), 0))
        if key.measure == "arrived" and not key.column:
            found[key] = (value, int(value))
        elif key.measure == "arrived_filled" and arrived >= MIN_ROWS:
            found[key._replace(measure="null_share")] = (1 - value / arrived, arrived)
        elif key.measure == "arrived_median" and value > 0:
            found[key._replace(measure="amount_log10")] = (math.log10(value), arrived)
    records, customers = (figures.get(FigureKey("customer", "", "", name), 0.0) for name in ("records", "customers"))
    if customers >= MIN_ROWS:
        of_records = figures[FigureKey("customer", "", "", "linked_records")] / records
        large = figures[FigureKey("customer", "", "", "large_customers")] / customers
        found[FigureKey("customer", "", "", "match_rate")] = (of_records, int(records))
        found[FigureKey("customer", "", "", "large_share")] = (large, int(customers))
    return found


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
