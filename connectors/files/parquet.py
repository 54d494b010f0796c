"""Parquet: read page by page, with values as JSON can hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from connectors.fields import as_json
from connectors.files.limits import Limits, check_parquet
from connectors.files.rows import (
    BATCH_BYTES,
    BATCH_ROWS,
    EXACT_DIGITS,
    EXACT_INTEGER,
    BadRow,
    Batch,
    Batches,
    Place,
    Position,
    Row,
    Shape,
    header,
)

# without a buffer a column's whole chunk is read into memory, and a row group may be the whole file
_BUFFER = 1024 * 1024
_UNREADABLE = object()
# of values that a batch may repeat; a dictionary holds each of them once, and the batch as often as it says
_REPEATED_BYTES = 32 * 1024 * 1024


def read_parquet(
    open_: Callable[[], Path | BinaryIO], shape: Shape, place: Place, after: Position | None, limits: Limits, size: int | None
) -> Batches:
    """The rows of a file after a position.

    Args:
        open_: gives a path, or a stream that can seek.
        size: of the file in bytes, as far as it is known.
    """
    with _opened(open_, place) as file:
        check_parquet(file.metadata, size, limits, place)
        names = header(file.schema_arrow.names, shape, place)
    return _batches(open_, place, names, int(after["row"]) if after else 0)


@contextmanager
def _opened(open_: Callable[[], Path | BinaryIO], place: Place, **how: Any) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = open_()
    try:
        try:
            file = pq.ParquetFile(source, buffer_size=_BUFFER, pre_buffer=False, **how)
        except pa.ArrowInvalid as error:
            raise place.error("the file is no whole Parquet file", remedy="export it again") from error
        with file:
            yield file
    finally:
        if not isinstance(source, Path):
            source.close()


def _batches(open_: Callable[[], Path | BinaryIO], place: Place, names: list[str], done: int) -> Batches:
    import pyarrow as pa

    number = done
    try:
        with _opened(open_, place) as file:
            for batch in _after(file, done, partial(_longest, open_, place, file.metadata)):
                # a batch may be large where its values repeat, and small in the file
                step = max(1, min(BATCH_ROWS, batch.num_rows * BATCH_BYTES // max(1, batch.nbytes)))
                for start in range(0, batch.num_rows, step):
                    rows = _rows(batch.slice(start, step), names, number)
                    number += len(rows)
                    yield Batch(rows, {"row": number}, names)
    except (pa.ArrowException, OSError) as error:
        raise place.error(f"the file cannot be read after row {number}", remedy="export it again") from error


def _after(file: Any, done: int, longest: Callable[[int], int]) -> Iterator[Any]:
    """The record batches after so many rows; row groups that are done are not read.

    Args:
        longest: the bytes that a row of a row group may hold in values that are repeated.
    """
    meta = file.metadata
    sizes = [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]
    first = 0
    while first < len(sizes) and sizes[first] <= done:
        done -= sizes[first]
        first += 1
    if first == len(sizes):
        return
    for group in range(first, len(sizes)):
        width = max(1, meta.row_group(group).total_byte_size // max(1, sizes[group]))
        rows = max(1, min(BATCH_ROWS, BATCH_BYTES // width, _REPEATED_BYTES // max(1, longest(group))))
        for batch in file.iter_batches(batch_size=rows, row_groups=[group]):
            skipped = min(done, batch.num_rows)
            done -= skipped
            if skipped < batch.num_rows:
                yield batch.slice(skipped)


def _longest(open_: Callable[[], Path | BinaryIO], place: Place, meta: Any, group: int) -> int:
    """The longest value of each column's dictionary in a row group, together, in bytes.

    A batch holds such a value once for each row that it is in: of a few kilobytes that pack one long value and the note that all
    rows have it, gigabytes. Only the dictionaries are read, with a row each.
    """
    about = meta.row_group(group)
    if min(about.num_rows, BATCH_ROWS) * about.total_byte_size <= _REPEATED_BYTES:
        return 0  # whatever is in it
    columns = [about.column(at) for at in range(about.num_columns)]
    long = [column.path_in_schema for column in columns if column.has_dictionary_page and column.physical_type == "BYTE_ARRAY"]
    fixed = sum(max(0, meta.schema.column(at).length) for at in range(about.num_columns))
    if not long:
        return int(fixed)
    with _opened(open_, place, read_dictionary=long, metadata=meta) as file:
        batch = next(file.iter_batches(batch_size=1, row_groups=[group], columns=long), None)
        return int(fixed + sum(_longest_in(column) for column in (batch.columns if batch is not None else ())))


def _longest_in(column: Any) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        return int(pc.max(pc.binary_length(column.dictionary)).as_py() or 0)
    inner = column.flatten() if pa.types.is_struct(column.type) else [column.values] if pa.types.is_nested(column.type) else []
    return sum(_longest_in(part) for part in inner)


def _rows(batch: Any, names: list[str], number: int) -> list[Row | BadRow]:
    columns = [_column(column) for column in batch.columns]
    rows: list[Row | BadRow] = []
    for values in zip(*columns, strict=True):
        number += 1
        record = dict(zip(names, values, strict=True))
        if _UNREADABLE in values:
            bad = next(name for name, value in record.items() if value is _UNREADABLE)
            kept = {name: value for name, value in record.items() if value is not _UNREADABLE}
            rows.append(BadRow(number, as_json(kept), f"column {bad} holds a value that cannot be read"))
        else:
            rows.append(Row(number, record))
    return rows


def _column(column: Any) -> list[Any]:
    import pyarrow as pa

    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):
        # text that is no UTF-8, a time that Python cannot hold: look for the row
        values = [_single(scalar) for scalar in column]
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return values
    return [value if value is _UNREADABLE else plain(value) for value in values]


def _single(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return _UNREADABLE


def plain(value: Any) -> Any:
    """A Parquet value as JSON can hold it: times as ISO text, no NaN, whole floats as integers (IDs that pandas widened)."""
    match value:
        case float():
            whole = value.is_integer() and abs(value) < EXACT_INTEGER
            return int(value) if whole else value if value - value == 0 else None
        case Decimal():
            return (value if len(value.as_tuple().digits) <= EXACT_DIGITS else format(value, "f")) if value.is_finite() else None
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.decode("utf-8", errors="backslashreplace")
        case dict():
            return {str(key): plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case _:
            return value
