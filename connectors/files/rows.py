"""What every reader of files speaks of: rows, lines that are none, where a file belongs, and what is known of it beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from connectors.fields import nearest
from hub.contract.errors import SourceDataError

BATCH_ROWS = 5_000
BATCH_BYTES = 4 * 1024 * 1024
# a double holds 15 significant digits for sure; the warehouse reads JSON numbers as doubles, so longer ones go as text
EXACT_DIGITS = 15
EXACT_INTEGER = 2**53
TOO_LONG = "the line is longer than any record may be; only its beginning is kept"
# Where in a file reading goes on: small JSON, whose meaning is the reader's own affair.
Position = Mapping[str, Any]


class Row(NamedTuple):
    """A row: its line (of Parquet and Excel: its number, from 1) and its columns."""

    line: int
    values: Mapping[str, Any]


class BadRow(NamedTuple):
    """What stood where a row should be, and why it is none."""

    line: int
    content: str
    reason: str


class Batch(NamedTuple):
    """Some rows, and where reading goes on after them.

    Attributes:
        names: the columns that each row of them has, in this order; None where they differ.
    """

    rows: list[Row | BadRow]
    position: Position
    names: Sequence[str] | None = None


Batches = Iterator[Batch]


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
        sheet: of Excel; None: the first that is not hidden.
        header_row: of CSV and Excel: line or row of the header, from 1; None: the first that is not empty.
        country: where it comes from; helps to tell the encoding.
    """

    needed: Sequence[Sequence[str]]
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    header_row: int | None = None
    country: str | None = None

    @property
    def wanted(self) -> set[str]:
        """Every column hub.yaml names."""
        return {column for group in self.needed for column in group}


def need(shape: Shape, columns: Collection[str], place: Place) -> None:
    """Raise `SourceDataError` if a column that hub.yaml names is missing."""
    for group in shape.needed:
        if not set(group) & set(columns):
            raise place.error(
                f"no column {group[0]!r}", field=group[0], remedy=f"{nearest(group[0], columns)}; mend hub.yaml or the export"
            )


def header(columns: Sequence[str], shape: Shape, place: Place) -> list[str]:
    """The names of a header row: those that are empty or repeated are numbered, so that no value is lost.

    Raises:
        SourceDataError: a column that hub.yaml names is missing, or there twice.
    """
    times = Counter(columns)
    repeated = sorted(name for name in shape.wanted if times[name] > 1)
    if repeated:
        raise place.error(f"two columns are called {repeated[0]!r}", field=repeated[0], remedy="rename one of them")
    names: dict[str, None] = {}
    for number, column in enumerate(columns, 1):
        name = column or f"column_{number}"
        while name in names or (name != column and name in times):
            name = f"{name}_{number}"
        names[name] = None
    need(shape, names, place)
    return list(names)


def no_header(shape: Shape, place: Place) -> SourceDataError:
    """The error of a file without a header."""
    if shape.header_row is not None:
        return place.error(f"no header in row {shape.header_row}", field="header_row", remedy="correct header_row in hub.yaml")
    return place.error("no header line", remedy="an export without rows still needs its header")
