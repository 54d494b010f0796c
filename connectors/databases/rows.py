"""Rows of a result to records: payload, ID, time of the last change, and what cannot be identified beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.column_records import TIME, ColumnRecords
from connectors.columns import of_values
from connectors.contract import Record, Reject
from connectors.databases.cursor import moment
from connectors.databases.settings import SqlStream
from connectors.databases.system import System
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
        description: what the driver says of each column.
    """

    names: tuple[str, ...]
    converters: tuple[Callable[[Any], Any] | None, ...]
    ids: tuple[int, ...]
    updated: int | None
    flag: int | None
    temporal: bool
    decimal: bool
    description: tuple[Any, ...] = ()

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
            tuple(description),
        )

    def records(self, rows: Sequence[Sequence[Any]], zone: tzinfo) -> tuple[Sequence[Record], list[Reject]]:
        """What the rows are."""
        columns = list(zip(*rows, strict=True))
        for position, convert in enumerate(self.converters):
            if convert is not None:
                columns[position] = tuple([None if value is None else convert(value) for value in columns[position]])
        times = [None] * len(rows) if self.updated is None else [moment(value, zone) for value in columns[self.updated]]
        of_columns = {name: of_values(column) for name, column in zip(self.names, columns, strict=True)}
        made = ColumnRecords(pa.array(self._keys(columns), pa.string()), of_columns, pa.array(times, TIME))
        flags = None if self.flag is None else columns[self.flag]
        return self.told_apart(made, flags, lambda row: [column[row] for column in columns])

    def told_apart(
        self, made: ColumnRecords, flags: Sequence[Any] | None, values_of: Callable[[int], Sequence[Any]]
    ) -> tuple[Sequence[Record], list[Reject]]:
        """Those of some rows that are records, with the deleted ones marked, and what the others are: rows without an ID, or with
        one that another row of that time has.

        Args:
            flags: the rows' marks of deletion; None where they have none.
            values_of: one row's values as JSON holds them.
        """
        if flags is not None:
            gone = [is_set(value) for value in flags]
            made.deleted = pa.array(gone, pa.bool_()) if any(gone) else None
        elif not made.ids.null_count and pc.count_distinct(made.ids).as_py() == len(made):
            return made, []
        kept: list[bool] = []
        rejects: list[Reject] = []
        known: set[tuple[str, int | None]] = set()
        for number, key in enumerate(zip(made.ids.to_pylist(), made.updated_at.cast(pa.int64()).to_pylist(), strict=True)):
            kept.append(key[0] is not None and key not in known)
            if kept[-1]:
                known.add(key)
                continue
            payload = dict(zip(self.names, values_of(number), strict=True))
            rejects.append(self._unidentified(payload) if key[0] is None else _reject(payload, _AGAIN, f"another row of {key[0]}"))
        return (made if all(kept) else made.chosen(kept) if any(kept) else []), rejects

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
