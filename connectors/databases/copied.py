"""Rows of a PostgreSQL COPY: columns of its own text, of which records are made without a look at each value.

What Arrow cannot write of a column is loaded by the driver value by value, and converted as it is where rows come one by one. The
records are the same either way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from datetime import UTC, tzinfo
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from connectors.column_records import TIME, ColumnRecords
from connectors.columns import Column, of_strings, of_values
from connectors.contract import Record, Reject
from connectors.databases.cursor import moment
from connectors.databases.rows import Shape
from connectors.databases.whole import Copy, Taking, booleans, local_times, numbers, parsed, utc_times
from connectors.fields import as_text

_BLANK = " \t\r\n"


def pages(copy: Copy, rows: int, size: int) -> Generator[CopiedRows, None, None]:
    """A COPY's rows, so many at a time at most, of so many bytes or little more."""
    data, count = bytearray(), 0
    with closing(copy.lines):
        for line in copy.lines:
            data += line  # at once: the driver's lines that are kept cost it several times as much
            count += 1
            if count >= rows or len(data) >= size:
                yield CopiedRows(data, copy.loads, copy.taking)
                data, count = bytearray(), 0
    if data:
        yield CopiedRows(data, copy.loads, copy.taking)


class CopiedRows(Sequence[Sequence[Any]]):
    """Some rows; taken one by one they are as the driver would give them.

    Args:
        data: CSV as COPY writes it.
        loads: for each column how the driver reads a value.
        taking: for each column how it is taken as a whole; None: value by value.
    """

    def __init__(self, data: bytes | bytearray, loads: Sequence[Callable[[bytes], Any]], taking: Sequence[Taking | None]) -> None:
        self._data, self._loads, self._taking = data, loads, taking
        self._columns: dict[int, Column] = {}

    @cached_property
    def _texts(self) -> list[pa.StringArray]:
        # when first asked for: whoever gathers the data reads on meanwhile
        names = [str(number) for number in range(len(self._loads))]
        table = pa_csv.read_csv(
            pa.py_buffer(self._data),
            # one block, so that a row of any size fits
            pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(self._data) + 1),
            pa_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        self._data = b""  # the columns have it all; whoever keeps the rows keeps it once
        return [column.combine_chunks() for column in table.columns]

    def __len__(self) -> int:
        return len(self._texts[0])

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return _Row(self, place % len(self))

    def value(self, row: int, position: int) -> Any:
        """One value as the driver gives it."""
        text = self._texts[position][row].as_py()
        return None if text is None else self._loads[position](text.encode())

    def records(self, shape: Shape, zone: tzinfo) -> tuple[Sequence[Record], list[Reject]]:
        """As `Shape.records` makes them of rows."""
        columns = {name: self._column(shape, position) for position, name in enumerate(shape.names)}
        made = ColumnRecords(self._keys(shape), columns, self._times(shape, zone))
        flags = None if shape.flag is None else self._values(shape, shape.flag)
        return shape.told_apart(made, flags, lambda row: self._converted(shape, row))

    def _column(self, shape: Shape, position: int) -> Column:
        if position not in self._columns:
            take = self._taking[position]
            whole = take(self._texts[position]) if take else None
            self._columns[position] = of_values(self._values(shape, position)) if whole is None else whole
        return self._columns[position]

    def _values(self, shape: Shape, position: int) -> list[Any]:
        """A column's values as JSON holds them."""
        load, convert = self._loads[position], shape.converters[position]
        loaded = (None if text is None else load(text.encode()) for text in self._texts[position].to_pylist())
        return [value if value is None or convert is None else convert(value) for value in loaded]

    def _converted(self, shape: Shape, row: int) -> list[Any]:
        """A row's values as JSON holds them."""
        values = ((self.value(row, position), convert) for position, convert in enumerate(shape.converters))
        return [value if value is None or convert is None else convert(value) for value, convert in values]

    def _keys(self, shape: Shape) -> pa.StringArray:
        parts = [self._key(shape, position) for position in shape.ids]
        return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, ":")

    def _key(self, shape: Shape, position: int) -> pa.StringArray:
        """As `as_text` has it."""
        take = self._taking[position]
        if take in (numbers, booleans) and (column := self._column(shape, position)).kind in ("number", "boolean", "null"):
            return column.texts
        if take is of_strings:
            trimmed = pc.utf8_trim(self._texts[position], _BLANK)
            return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
        return pa.array([as_text(value) for value in self._values(shape, position)], pa.string())

    def _times(self, shape: Shape, zone: tzinfo) -> pa.TimestampArray:
        if shape.updated is None:
            return pa.nulls(len(self), TIME)
        take = self._taking[shape.updated]
        if take is utc_times or (take is local_times and zone is UTC):
            times = parsed(self._texts[shape.updated], zoned=take is utc_times)
            if times is not None:
                return times
        return pa.array([moment(value, zone) for value in self._values(shape, shape.updated)], TIME)


class _Row(Sequence[Any]):
    """A row whose values are loaded when they are asked for."""

    def __init__(self, rows: CopiedRows, number: int) -> None:
        self._rows, self._number = rows, number

    def __len__(self) -> int:
        return len(self._rows._texts)

    def __getitem__(self, position: Any) -> Any:
        return self._rows.value(self._number, position)
