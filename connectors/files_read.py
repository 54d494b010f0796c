"""Files to rows: CSV, JSON lines and Parquet, one row at a time, with whatever cannot be read beside them.

What a row means, and which files are read, is not decided here. A file is judged before its first row is given: a column that
hub.yaml names and the file lacks is an error then.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson

from connectors import files_csv
from connectors.files_settings import EXTENSIONS, nearest
from hub.contract.errors import ConfigError, SourceDataError

BATCH_ROWS = 5_000
# a double holds 15 significant digits for sure; the warehouse reads JSON numbers as doubles, so longer ones go as text
_EXACT_DIGITS = 15
_EXACT_INTEGER = 2**53


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its line (of Parquet: its number, from 1) and its columns."""

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """What stood where a row should be, and why it is none."""

    line: int
    content: str
    reason: str


@dataclass(frozen=True)
class Place:
    """Where a file belongs, for errors."""

    source: str
    stream: str
    file: str

    def error(
        self, what: str, *, field: str | None = None, remedy: str = "mend the file, then run the sync again"
    ) -> SourceDataError:
        """The file cannot be read as hub.yaml declares it."""
        return SourceDataError(f"{what} in {self.file}", source=self.source, stream=self.stream, field=field, remedy=remedy)


@dataclass(frozen=True)
class Shape:
    """What is known of a file beforehand.

    Attributes:
        needed: groups of columns; the file must have one of each.
        delimiter: of CSV; None: told from the header.
        encoding: of CSV; None: told from the bytes.
    """

    needed: Sequence[Sequence[str]]
    delimiter: str | None = None
    encoding: str | None = None


def read_rows(path: Path, shape: Shape, place: Place) -> Iterator[Row | BadRow]:
    """Open a file and give its rows.

    Raises:
        SourceDataError: at once: the file cannot be opened or lacks a column; later: it breaks off.
        ConfigError: its extension is not one we read.
    """
    readers = {".csv": _csv, ".tsv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines, ".parquet": _parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(
            f"{path.suffix or 'files without an extension'}: {place.file} is of no type we read",
            source=place.source,
            stream=place.stream,
            field="path",
            remedy=f"save it as one of {', '.join(EXTENSIONS)}",
        )
    try:
        return reader(path, shape, place)
    except OSError as error:
        raise place.error(
            f"cannot read the file ({error.strerror or type(error).__name__})", remedy="check that it is whole and readable"
        ) from error


def _need(shape: Shape, columns: Sequence[str], place: Place) -> None:
    for group in shape.needed:
        if not set(group) & set(columns):
            raise place.error(
                f"no column {group[0]!r}", field=group[0], remedy=f"{nearest(group[0], columns)}; mend hub.yaml or the export"
            )


# CSV -------------------------------------------------------------------------------------------------------------


def _csv(path: Path, shape: Shape, place: Place) -> Iterator[Row | BadRow]:
    wanted = {column for group in shape.needed for column in group}
    encoding = shape.encoding or files_csv.detect_encoding(path)
    table = files_csv.open_table(path, encoding, shape.delimiter, wanted)
    if table is None:
        raise place.error("no header line", remedy="an export without rows still needs its header")
    _need(shape, table.columns, place)
    repeated = sorted(wanted & {column for column in table.columns if table.columns.count(column) > 1})
    if repeated:
        raise place.error(f"two columns are called {repeated[0]!r}", field=repeated[0], remedy="rename one of them")
    names = _unique(table.columns)
    return (_csv_row(record, names) for record in table.records)


def _csv_row(record: files_csv.Record, names: Sequence[str]) -> Row | BadRow:
    if record.problem:
        return BadRow(record.line, record.content, record.problem)
    return Row(record.line, dict(zip(names, record.values, strict=True)))


def _unique(columns: Sequence[str]) -> list[str]:
    """Column names with those that are empty or repeated numbered, so that no value is lost."""
    names: list[str] = []
    for number, column in enumerate(columns, 1):
        name = column or f"column_{number}"
        names.append(name if name not in names else f"{name}_{number}")
    return names


# JSON lines ------------------------------------------------------------------------------------------------------


def _json_lines(path: Path, shape: Shape, place: Place) -> Iterator[Row | BadRow]:
    # objects may leave out what is empty, so a column is missing only if no row has it
    missing = [set(group) for group in shape.needed]
    seen: dict[str, None] = {}
    for row in _parsed_lines(path):
        if isinstance(row, Row):
            seen.update(dict.fromkeys(row.values))
            missing = [group for group in missing if not group & row.values.keys()]
        if not missing:
            break
    if seen:
        _need(shape, list(seen), place)
    return _parsed_lines(path)


def _parsed_lines(path: Path) -> Iterator[Row | BadRow]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _parsed_line(number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)


def _parsed_line(number: int, line: bytes) -> Row | BadRow:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return BadRow(number, line.decode("utf-8", errors="replace").rstrip("\r\n"), "the line is not UTF-8")
    try:
        # NaN and Infinity are no JSON, but Python writes them; they say "no number"
        values = simplejson.loads(text, parse_float=_exact_number, parse_constant=lambda _: None)
    except (simplejson.JSONDecodeError, ValueError, RecursionError):
        return BadRow(number, text.rstrip("\r\n"), "the line is no JSON")
    if not isinstance(values, dict):
        return BadRow(number, text.rstrip("\r\n"), "the line is no JSON object")
    return Row(number, values)


def _exact_number(text: str) -> Decimal | str:
    number = Decimal(text)
    return number if len(number.as_tuple().digits) <= _EXACT_DIGITS else text


# Parquet ---------------------------------------------------------------------------------------------------------


def _parquet(path: Path, shape: Shape, place: Place) -> Iterator[Row | BadRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise place.error("the file is no whole Parquet file", remedy="export it again") from error
    _need(shape, file.schema_arrow.names, place)
    return _parquet_rows(file, place)


def _parquet_rows(file: Any, place: Place) -> Iterator[Row | BadRow]:
    import pyarrow as pa

    number = 0
    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS):
            for values in batch.to_pylist():
                number += 1
                yield Row(number, {name: plain(value) for name, value in values.items()})
    except (pa.ArrowException, OSError) as error:
        raise place.error(f"the file cannot be read after row {number}", remedy="export it again") from error
    finally:
        file.close()


def plain(value: Any) -> Any:
    """A Parquet value as JSON can hold it: times as ISO text, no NaN, whole floats as integers (IDs that pandas widened)."""
    match value:
        case float():
            whole = value.is_integer() and abs(value) < _EXACT_INTEGER
            return int(value) if whole else value if value - value == 0 else None
        case Decimal():
            return (value if len(value.as_tuple().digits) <= _EXACT_DIGITS else format(value, "f")) if value.is_finite() else None
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


def as_text(value: Any) -> str | None:
    """A column's value as text; None if it is empty, or no single value."""
    match value:
        case None | dict() | list():
            return None
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case str():
            return value.strip(" \t\r\n") or None
        case _:
            return str(value)


def as_json(values: Mapping[str, Any]) -> str:
    """A row for people to look at in quarantine."""
    return json.dumps(values, ensure_ascii=False, default=str)
