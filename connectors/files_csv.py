"""CSV as it comes: encoding and delimiter told from the file, records that may span lines, and the lines that are no record.

Built on Python's csv module, which alone would let one stray quote swallow the rows after it.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

DELIMITERS = (",", ";", "\t", "|")
# UTF-32 before UTF-16: its mark begins with the other's
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# what spreadsheets and databases write where it is not UTF-8; among all encodings there are, short samples are guessed wildly
_LIKELY = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "shift_jis", "gb18030", "big5", "euc_kr"]
_SAMPLE = 64 * 1024
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """One record, or with ``problem`` the line that is none."""

    line: int
    content: str
    values: list[str]
    problem: str | None = None


@dataclass(frozen=True)
class Table:
    """An open file: the names in its header, and its records after it."""

    columns: list[str]
    records: Iterator[Record]


def detect_encoding(path: Path) -> str:
    """By its mark, else UTF-8 if all of it is, else by charset-normalizer from the place where it is not."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as data:
        start = data.read(4)
        for mark, encoding in _BOMS.items():
            if start.startswith(mark):
                return encoding
        data.seek(0)
        while True:
            position = data.tell()
            chunk = data.read(_CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                data.seek(max(0, position + error.start - _SAMPLE // 2))
                return _guess(data.read(_SAMPLE))
            if not chunk:
                return "utf-8"


def _guess(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    text = sample.decode("utf-8", errors="surrogateescape")
    broken = sum("\ud800" <= character <= "\udfff" for character in text)
    if sum(not character.isascii() for character in text) > 4 * broken:
        return "utf-8"  # a few bytes are broken, and their lines will be turned down; the rest would be spoilt by any other
    best = from_bytes(sample, cp_isolation=_LIKELY).best()
    return best.encoding if best else "cp1252"


def open_table(path: Path, encoding: str, delimiter: str | None, wanted: Collection[str]) -> Table | None:
    """Open a file and read its header; None if there is none. Without a delimiter, the one that finds most wanted columns."""
    with _text(path, encoding) as text:
        head = [line for line in islice(text, 50) if line.strip()]
    if not head:
        return None
    found = [(mark, _header(head, mark)) for mark in ((delimiter,) if delimiter else DELIMITERS)]
    best, columns = max(found, key=lambda pair: (len(set(pair[1]) & set(wanted)), len(pair[1])))
    return Table(columns, _records(path, encoding, best, len(columns)))


def _text(path: Path, encoding: str) -> io.TextIOWrapper:
    # bytes that are not of the encoding leave lone surrogates or U+FFFD behind, by which their line is known
    errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    return path.open(encoding=encoding, errors=errors, newline="")


def _header(head: list[str], delimiter: str) -> list[str]:
    try:
        names = next(csv.reader(head, delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        return []
    return [name.strip().lstrip("\ufeff") for name in names]


class _Lines:
    """The lines of a file, numbered; those taken for a record can be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = enumerate(lines, 1)
        self._returned: deque[tuple[int, str]] = deque()
        self.taken: list[tuple[int, str]] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        self.taken.append(self._returned.popleft() if self._returned else next(self._lines))
        return self.taken[-1][1]

    def give_back(self) -> None:
        """Give back all lines taken for the last record but its first."""
        self._returned.extendleft(reversed(self.taken[1:]))


def _records(path: Path, encoding: str, delimiter: str, width: int) -> Iterator[Record]:
    with _text(path, encoding) as text:
        lines = _Lines(iter(text))
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header = True
        while True:
            lines.taken.clear()
            try:
                values, problem = next(reader), None
            except StopIteration:
                return
            except csv.Error as error:
                values, problem = [], f"the line is no CSV ({error})"
            if not values and problem is None:
                continue  # an empty line
            if header:
                header = False
                continue
            values, problem = _judged(values, problem, width)
            if problem:
                # a quote that never closes takes the lines after it along: only the first is at fault
                lines.give_back()
                reader = csv.reader(lines, delimiter=delimiter, strict=True)
            number, content = lines.taken[0]
            yield Record(number, content.rstrip("\r\n"), values, problem)


def _judged(values: list[str], problem: str | None, width: int) -> tuple[list[str], str | None]:
    if problem is None and len(values) > width and not any(values[width:]):
        values = values[:width]  # delimiters at the end of the line
    if problem is None and len(values) != width:
        problem = f"the line has {len(values)} fields and the header {width}"
    if problem is None and any(not value.isascii() and _undecoded(value) for value in values):
        problem = "the line has bytes that are not of the file's encoding"
    return values, problem


def _undecoded(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" or character == "\ufffd" for character in text)
