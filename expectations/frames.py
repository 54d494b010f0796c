"""The figures a load is judged by: which frames `judge` takes, their columns, and how one is read. No limit belongs here.

Whoever builds the load measures it in SQL and hands in one pandas frame per name of `FRAMES`, one row per thing measured. Columns
beyond the named ones are ignored. Types: *text* never NULL; *count* a whole number from 0 (10.0 will do, 10.5 will not); *money*
`Decimal`, whole number or text, never a float (DuckDB's `df()` turns DECIMAL into floats: cast to VARCHAR), NULL is 0 as the sum
over nothing; *hours* and *number* a finite number; *day* a date as YYYY-MM-DD. A `?` means that NULL is allowed and says "cannot be
compared": the first load, a source or table that the last published load lacks, or a last load that was made with --limit; of a
day, that there is none. The text columns together name the row, which occurs once. For any check a frame may also have a column
``<check_id>_examples``: a list of keys (never values) of the rows of data that break it, or NULL; 20 are shown.

`before` always means the last published load. A source taken out of hub.yaml, or paused, is not measured.

- uniqueness: each golden table. `distinct_keys` is count(DISTINCT key_column), which leaves NULLs out.
- crosswalk: one row. `records_live` are live party records in staging, `current_rows` the crosswalk's rows with is_current,
  `distinct_current_records` their distinct record keys, `unknown_records` those of them that are no live record.
- references: each golden fact table and source. `unresolved` facts have no customer_id, `dangling` ones have a customer_id that is
  no active or retired customer of the next golden.customer.
- named: each golden fact table, source and column by which its facts name another fact (an order line its order): the facts
  `naming` one, and those whose other fact is `unknown`.
- reconciliation: each source and measure, money per currency: what staging (without quarantined rows) holds and what golden holds.
  `measure` is ``<table>.<column>``, or ``<table>.rows`` with currency NULL.
- conservation: each stream: rows that came in, and where they went.
- volume: each golden table, per source where it has one (source_system may be NULL): rows now and before, and how many a backfill
  that somebody asked for has brought to the source since.
- completeness: columns of golden.customer: how many active customers have it filled, of how many.
- identity: one row. `records_compared` are the live records in both loads, `records_changed` those whose customer_id differs;
  `customers_before` the active customers before, `merged_ids` those merged into another since; `largest_cluster` and
  `max_cluster_size` as the identity settings count: records with identical match keys are one.
- quarantine: each source: the rows new in this build, and how many of them were quarantined.
- freshness: each source: hours since its last successful sync (NULL: never), and how many it may be.
- shared_mailbox: one row. `emails` are the distinct e-mails of active customers, `shared` those that more than one holds.
- mailbox: one row. Of all e-mails the one that gained most records since: so many different live records hold it now (records with
  identical match keys are one) and held it before, of so many in all.
- duplicates: each golden fact table and source: rows, and those beyond the first that tell of the same (customer, time, amount).
- currency_changes: each golden fact table with money and source: facts in both loads, and those whose currency is another now.
- currency_mix: the same: rows that are new or changed, and how many of them would need another currency for the shares of
  currencies to be as before; NULL for few rows.
- amounts: each amount column and currency of a source's facts with enough new or changed rows: how many times the median of the
  amounts before (or the reverse) their median is.
- values: each column of a source's facts and of its party records: how many rows have it filled, of how many.
- schema: each golden table: columns of the published one that are gone or of another type.
- history: each figure whose usual course is watched (`expectations.history`): its value, the median of the last published loads
  that have it, how far those stray from it (median absolute deviation, as a standard deviation), and how many they are.
- unconverted: each golden fact table with money, source and currency, where there is a base currency: facts with an amount, those
  of them without a rate, their amount, and the first and last of their UTC days.
- future_dates: each golden fact table: rows, and those whose main time is more than two days ahead.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal

from hub.contract.errors import GateError

if TYPE_CHECKING:
    import pandas as pd

FigureType = Literal["text", "text?", "count", "count?", "money", "hours", "hours?", "number", "number?", "day?"]
Row = Mapping[str, Any]

FRAMES: dict[str, dict[str, FigureType]] = {
    "uniqueness": {"table": "text", "key_column": "text", "rows": "count", "distinct_keys": "count", "null_keys": "count"},
    "crosswalk": {
        "records_live": "count",
        "current_rows": "count",
        "distinct_current_records": "count",
        "unknown_records": "count",
    },
    "references": {
        "table": "text",
        "source_system": "text",
        "facts": "count",
        "unresolved": "count",
        "dangling": "count",
        "facts_before": "count?",
        "unresolved_before": "count?",
    },
    "named": {"table": "text", "source_system": "text", "column": "text", "naming": "count", "unknown": "count"},
    "reconciliation": {
        "source_system": "text",
        "measure": "text",
        "currency": "text?",
        "source_value": "money",
        "golden_value": "money",
    },
    "conservation": {
        "source_system": "text",
        "stream": "text",
        "rows_in": "count",
        "loaded": "count",
        "unchanged": "count",
        "deleted": "count",
        "quarantined": "count",
    },
    "volume": {"table": "text", "source_system": "text?", "rows": "count", "rows_before": "count?", "backfilled": "count"},
    "completeness": {"column": "text", "filled": "count", "filled_before": "count?", "rows": "count", "rows_before": "count?"},
    "identity": {
        "records_compared": "count?",
        "records_changed": "count?",
        "customers_before": "count?",
        "merged_ids": "count?",
        "largest_cluster": "count",
        "max_cluster_size": "count",
    },
    "quarantine": {"source_system": "text", "rows_in": "count", "quarantined": "count"},
    "freshness": {"source_system": "text", "hours_since_success": "hours?", "fresh_within_hours": "hours"},
    "shared_mailbox": {"emails": "count", "shared": "count"},
    "unconverted": {
        "table": "text",
        "source_system": "text",
        "currency": "text",
        "facts": "count",
        "unconverted": "count",
        "amount": "money",
        "first_day": "day?",
        "last_day": "day?",
    },
    "future_dates": {"table": "text", "rows": "count", "in_future": "count"},
    "mailbox": {"holders": "count", "holders_before": "count?", "records": "count"},
    "duplicates": {
        "table": "text",
        "source_system": "text",
        "rows": "count",
        "doubled": "count",
        "rows_before": "count?",
        "doubled_before": "count?",
    },
    "currency_changes": {"table": "text", "source_system": "text", "compared": "count", "changed": "count"},
    "currency_mix": {"table": "text", "source_system": "text", "arrived": "count", "shifted": "count?"},
    "amounts": {"table": "text", "source_system": "text", "column": "text", "arrived": "count", "factor": "number?"},
    "values": {
        "table": "text",
        "source_system": "text",
        "column": "text",
        "filled": "count",
        "filled_before": "count?",
        "rows": "count",
        "rows_before": "count?",
    },
    "schema": {"table": "text", "columns_before": "count", "lost": "count"},
    "history": {
        "table": "text",
        "source_system": "text?",
        "column": "text?",
        "measure": "text",
        "value": "number",
        "usual": "number?",
        "spread": "number?",
        "loads": "count",
        "rows": "count",
    },
}
# what every load has, be it empty: a verdict that did not look at these would be no verdict
ALWAYS = ("uniqueness", "crosswalk")
EXAMPLES = "_examples"
MAX_EXAMPLES = 20


def read_frames(frames: Mapping[str, pd.DataFrame]) -> dict[str, list[Row]]:
    """The rows of all frames, with typed values, in the order of their names.

    Raises:
        GateError: a frame has an unknown name, lacks a column, holds something else than declared or measures a thing twice, or a
            frame that every load has is missing or empty.
    """
    for name in frames:
        if name not in FRAMES:
            near = difflib.get_close_matches(name, FRAMES, n=1) or sorted(FRAMES)
            raise GateError(f"no figures are known as {name!r}", remedy=f"hand in {', '.join(near)}")
    rows = {name: _read(name, frames[name]) for name in sorted(frames)}
    for name in ALWAYS:
        if not rows.get(name):
            raise GateError(f"figures {name!r} are missing; no load can be judged without", remedy="measure them for every load")
    return rows


def subject(name: str, row: Row) -> str:
    """What a row of a frame measures, from its text columns: ``customer_order/shopify``; the frame's name where it has none."""
    return "/".join(row[column] for column in _text_columns(name) if row[column]) or name


def _text_columns(name: str) -> list[str]:
    return [column for column, kind in FRAMES[name].items() if kind.startswith("text")]


def _read(name: str, frame: pd.DataFrame) -> list[Row]:
    absent = [column for column in FRAMES[name] if column not in frame.columns]
    if absent:
        raise GateError(f"figures {name!r} lack {', '.join(absent)}", remedy="measure it; expectations.frames says what it is")
    rows = [_row(name, record) for record in frame.to_dict("records")]
    subjects = [subject(name, row) for row in rows]
    twice = sorted({s for s in subjects if subjects.count(s) > 1})
    if twice:
        raise GateError(f"figures {name!r} measure {twice[0]} more than once", remedy="one row per thing measured")
    return sorted(rows, key=lambda row: subject(name, row))


def _row(name: str, record: Mapping[Any, Any]) -> Row:
    row: dict[str, Any] = {}
    for column, kind in FRAMES[name].items():
        try:
            row[column] = _figure(record[column], kind)
        except ValueError as error:
            raise GateError(
                f"figures {name!r} hold no {kind} but {type(record[column]).__name__}", field=column, remedy=str(error)
            ) from None
    for column in record:
        if str(column).endswith(EXAMPLES):
            row[column] = _keys(record[column])
    return row


def _figure(value: Any, kind: FigureType) -> Any:
    import pandas as pd

    if pd.isna(value):
        if kind == "money":
            return Decimal(0)
        if kind.endswith("?"):
            return None
        raise ValueError("it may not be NULL")
    return _READERS[kind.rstrip("?")](value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("hand in a name")
    return value


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError("hand in a day as YYYY-MM-DD") from None


def _count(value: Any) -> int:
    number = _finite(value)
    if number != number.to_integral_value() or number < 0:
        raise ValueError("hand in a whole number from 0")
    return int(number)


def _money(value: Any) -> Decimal:
    import numpy as np

    if isinstance(value, (float, np.floating, bool, np.bool_)):
        raise ValueError("money must come exact, as Decimal or text: cast it to VARCHAR in the query")
    return _finite(value)


def _finite(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("hand in a number") from None
    if not number.is_finite():
        raise ValueError("hand in a finite number")
    return number


def _keys(value: Any) -> tuple[str, ...]:
    """The keys in a list as pandas may hold one: a list, an array, or a missing value for none."""
    import numpy as np

    return tuple(str(key) for key in value) if isinstance(value, (list, tuple, np.ndarray)) else ()


_READERS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "count": _count,
    "money": _money,
    "hours": _finite,
    "number": _finite,
    "day": _day,
}
