"""Rows of a result to records: payload, ID, time of the last change, and what cannot be identified beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from connectors.contract import Record, Reject
from connectors.databases.cursor import moment
from connectors.databases.settings import SqlStream
from connectors.databases.systems import System
from connectors.databases.values import anything
from connectors.fields import as_json, as_text

_AGAIN = "another row has the same ID; name in id the columns that together tell rows apart"
_NO = frozenset({"", "0", "f", "false", "n", "no", "off"})


@dataclass(frozen=True)
class Shape:
    """The columns of a result, and what is made of their values.

    Attributes:
        names: of the columns, in order.
        converters: for each column how its values become JSON; None: as they are.
        ids: positions of the columns that identify a row.
        updated, flag: positions of the columns with the time of change and the mark of deletion.
        temporal, decimal: whether the time of change is a time, or a decimal, that comes as text.
    """

    names: tuple[str, ...]
    converters: tuple[Callable[[Any], Any] | None, ...]
    ids: tuple[int, ...]
    updated: int | None
    flag: int | None
    temporal: bool
    decimal: bool

    @classmethod
    def of(cls, stream: SqlStream, names: Sequence[str], description: Sequence[Any], system: System) -> Shape:
        """The shape of a result whose columns were found to be there."""
        updated = names.index(stream.updated_at) if stream.updated_at else None
        return cls(
            tuple(names),
            tuple(system.converters(description)),
            tuple(names.index(column) for column in stream.id),
            updated,
            names.index(stream.deleted_flag) if stream.deleted_flag else None,
            updated is not None and system.temporal(description[updated]),
            updated is not None and system.decimal(description[updated]),
        )

    def records(self, rows: Sequence[Sequence[Any]], zone: tzinfo) -> tuple[list[Record], list[Reject]]:
        """What the rows are."""
        columns = list(zip(*rows, strict=True))
        for position, convert in enumerate(self.converters):
            if convert is not None:
                columns[position] = tuple([None if value is None else convert(value) for value in columns[position]])
        names = self.names
        payloads = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
        times: Sequence[datetime | None] = [None] * len(rows)
        if self.updated is not None:
            times = [moment(value, zone) for value in columns[self.updated]]
        keys = self._keys(columns)
        if self.flag is None and None not in keys and len(set(keys)) == len(keys):
            return [Record(key, *rest) for key, *rest in zip(keys, payloads, times, strict=True)], []  # type: ignore[arg-type]
        gone = [False] * len(rows) if self.flag is None else [is_set(value) for value in columns[self.flag]]
        records: list[Record] = []
        rejects: list[Reject] = []
        known: set[tuple[str, datetime | None]] = set()
        for key, payload, time, deleted in zip(keys, payloads, times, gone, strict=True):
            if key is None:
                rejects.append(self._unidentified(payload))
            elif (key, time) in known:
                rejects.append(_reject(payload, _AGAIN, f"another row of {key}"))
            else:
                known.add((key, time))
                records.append(Record(key, payload, time, "delete" if deleted else "upsert"))
        return records, rejects

    def _keys(self, columns: Sequence[Sequence[Any]]) -> list[str | None]:
        if len(self.ids) == 1:
            return [as_text(value) for value in columns[self.ids[0]]]
        parts = ([as_text(value) for value in columns[position]] for position in self.ids)
        return [None if None in key else ":".join(key) for key in zip(*parts, strict=True)]

    def _unidentified(self, payload: dict[str, Any]) -> Reject:
        empty = next(self.names[position] for position in self.ids if as_text(payload[self.names[position]]) is None)
        return _reject(payload, f"column {empty} that identifies the row is empty", f"a row without {empty}")

    def place(self, row: Sequence[Any], *, cursor: bool) -> list[Any] | None:
        """Where in the order a row stands; None if it has no ID there."""
        values = [row[position] for position in self.ids]
        if None in values:
            return None
        return [self.changed(row), *values] if cursor else values

    def changed(self, row: Sequence[Any]) -> Any:
        """The cursor's value of a row, of the type in which the database compares it."""
        assert self.updated is not None
        value = row[self.updated]
        if not isinstance(value, str):
            return value
        try:
            if self.temporal:
                return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
            return Decimal(value) if self.decimal and value != "NaN" else value
        except ValueError:
            return value  # infinity, a year before Christ, 0000-00-00: only the database can compare it

    def comparable(self, value: Any) -> bool:
        """Whether a cursor's value is one that we can compare too."""
        return value is not None and not ((self.temporal or self.decimal) and isinstance(value, str))


def _reject(payload: dict[str, Any], reason: str, where: str) -> Reject:
    content = as_json(payload)
    mark = hashlib.blake2b(content.encode(errors="surrogatepass"), digest_size=6).hexdigest()
    return Reject(content, reason, f"{where} ({mark})")


def is_set(value: Any) -> bool:
    """Whether a mark of deletion says yes: true, a number but 0, a time, a text that is no "no"."""
    match value:
        case None:
            return False
        case bool() | int() | float() | Decimal():
            return bool(value)
        case str():
            return value.strip().lower() not in _NO and not value.startswith("0000-00-00")
        case _:
            return bool(anything(value))
