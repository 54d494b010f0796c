"""CSV as it comes: encoding and delimiter told from the file, records that may span lines, and the lines that are no record.

Built on Python's csv module, which alone would let one stray quote swallow the rows after it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from connectors.files.encoding import Decoder
from connectors.files.limits import Limits
from connectors.files.lines import MAX_LINE, Block, blocks
from connectors.files.rows import BATCH_ROWS, TOO_LONG, BadRow, Batch, Batches, Place, Position, Row, Shape, header, no_header

DELIMITERS = (",", ";", "\t", "|")
_SHOWN_LINES = 50
# a first line by which programs tell Excel the delimiter
_SAID = re.compile(r'"?sep=([^\w\s"]|\t)"?\s*$', re.IGNORECASE)
# fields of a megabyte occur (a whole e-mail in a ticket); Python's own limit is 128 KiB
csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))


@dataclass(frozen=True)
class Head:
    """What the beginning of a file tells: its columns, how it is written, and how many lines come before its records."""

    names: list[str]
    delimiter: str
    decoder: Decoder
    lines: int


def read_csv(open_: Callable[[], BinaryIO], shape: Shape, place: Place, after: Position | None, limits: Limits) -> Batches:
    """The rows of a file after a position; its header is judged at once."""
    with open_() as stream:
        head = _head(stream, shape, place, limits)
    return _Reader(open_, head, after or {"at": 0, "skip": head.lines, "line": 1}, declared=shape.encoding).batches()


def _head(stream: BinaryIO, shape: Shape, place: Place, limits: Limits) -> Head:
    start = stream.read(1024)
    decoder = Decoder.of(start, shape.encoding, shape.country)
    first = next(blocks(stream, 0, decoder.line_end, b"\r", begun=start), Block(0, 0, b"", overlong=True))
    lines = _lines(decoder.decode(first.data)[0].removeprefix("\ufeff"))
    said = _SAID.match(lines[0]) if lines and shape.header_row is None else None
    before = (shape.header_row or 1) - 1 + (said is not None)
    if shape.header_row is None:
        while before < len(lines) and not lines[before].strip():
            before += 1
    shown = lines[before : before + _SHOWN_LINES]
    if first.overlong or not shown or not shown[0].strip():
        raise no_header(shape, place)
    told = shape.delimiter or (said and said.group(1))
    found = [(mark, *_columns(shown, mark)) for mark in ((told,) if told else DELIMITERS)]
    # the delimiter is the one that finds most of the columns hub.yaml names
    delimiter, columns, taken = max(found, key=lambda guess: (len(set(guess[1]) & shape.wanted), len(guess[1])))
    limits.columns(len(columns), place)
    return Head(header(columns, shape, place), delimiter, Decoder.of(start, shape.encoding, shape.country), before + taken)


def _columns(lines: list[str], delimiter: str) -> tuple[list[str], int]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        names = next(reader)
    except (csv.Error, StopIteration):
        return [], 1
    return [name.strip().lstrip("\ufeff") for name in names], reader.line_num


def _lines(text: str) -> list[str]:
    # not splitlines: that also cuts at form feeds and U+2028, which are characters like others here
    return list(io.StringIO(text, newline=""))


class _Mark(NamedTuple):
    """The line at hand with this number comes from a block: its byte offset, its first line's number, and the lines before ours."""

    start: int
    offset: int
    line: int
    skipped: int


class _Reader:
    """Reads the records of one file.

    A position is a block's byte offset and how many of its lines are done, so that no single line's bytes need be counted.
    """

    def __init__(self, open_: Callable[[], BinaryIO], head: Head, after: Position, *, declared: str | None) -> None:
        self._open, self._names, self._delimiter = open_, head.names, head.delimiter
        self._decoder = head.decoder
        if declared is None and after.get("encoding"):  # what was told from the bytes so far holds for the rest
            self._decoder = Decoder(after["encoding"], bool(after.get("guessed")))
        self._at, self._next_line, self._skip = int(after["at"]), int(after["line"]), int(after["skip"])
        self._lines: list[str] = []
        self._marks: list[_Mark] = []
        self._suspect = False

    def batches(self) -> Batches:
        """Everything after the position."""
        with self._open() as stream:
            for block in blocks(stream, self._at, self._decoder.line_end, b"\r"):
                if block.overlong:
                    yield from self._parsed(final=True)
                    yield from self._too_long(block)
                else:
                    self._take(block)
                    yield from self._parsed(final=False)
            yield from self._parsed(final=True)

    def _take(self, block: Block) -> None:
        """Put a block's lines behind those that the one before left unfinished."""
        text, suspect = self._decoder.decode(block.data)
        lines = _lines(text)
        skipped = min(self._skip, len(lines))
        self._skip -= skipped
        self._marks.append(_Mark(len(self._lines), block.offset, self._next_line, skipped))
        self._next_line += len(lines)
        self._lines += lines[skipped:]
        self._suspect = suspect or (self._suspect and len(self._marks) > 1)

    def _parsed(self, *, final: bool) -> Batches:
        """The records in the lines at hand; what may go on in the next block stays, unless this is the end."""
        lines, names, width, at, first = self._lines, self._names, len(self._names), 0, self._first_line()
        rows: list[Row | BadRow] = []
        reader, shift = csv.reader(lines, delimiter=self._delimiter, strict=True), 0
        while True:
            try:
                for values in reader:
                    start, at = at, shift + reader.line_num
                    if len(values) == width and values[0] and not self._suspect:
                        rows.append(Row(first + start, dict(zip(names, values))))  # noqa: B905 - compared above
                    elif made := self._judged(first + start, lines[start:at], values):
                        rows.append(made)
                    if len(rows) >= BATCH_ROWS:
                        yield Batch(rows, self._position(at), names)
                        rows = []
                break
            except csv.Error as error:
                stop = shift + reader.line_num
                if stop == len(lines) and not final and sum(map(len, lines[at:])) < MAX_LINE:
                    break  # perhaps a record that goes on
                # a quote that never closes takes the lines after it along: only the first is at fault
                rows.append(BadRow(first + at, lines[at].rstrip("\r\n"), f"the line is no CSV ({error})"))
                at += 1
                if stop > at:
                    reader, shift = csv.reader(lines[at:], delimiter=self._delimiter, strict=True), at
        if rows:
            yield Batch(rows, self._position(at), names)
        self._keep(at)

    def _judged(self, number: int, lines: list[str], values: list[str]) -> Row | BadRow | None:
        """A record that is not as it should be at first sight; None if there is nothing in it."""
        if not any(values):
            return None
        width = len(self._names)
        if not any(values[width:]):
            values = values[:width]  # delimiters at the end of the line
        problem = self._decoder.is_spoilt("".join(lines)) if self._suspect else None
        if problem is None and len(values) != width:
            problem = f"the line has {len(values)} fields and the header {width}"
        if problem:
            return BadRow(number, "".join(lines).rstrip("\r\n"), problem)
        return Row(number, dict(zip(self._names, values, strict=True)))

    def _too_long(self, block: Block) -> Batches:
        number, self._next_line = self._next_line, self._next_line + 1
        if self._skip:
            self._skip -= 1
            return
        bad = BadRow(number, self._decoder.decode(block.data)[0], TOO_LONG)
        yield Batch([bad], self._told({"at": block.end, "skip": 0, "line": self._next_line}))

    def _first_line(self) -> int:
        """The line number of the first line at hand."""
        return self._marks[0].line + self._marks[0].skipped if self._marks else 0

    def _position(self, done: int) -> dict[str, Any]:
        """After so many of the lines at hand."""
        mark = next(mark for mark in reversed(self._marks) if mark.start <= done)
        return self._told({"at": mark.offset, "skip": mark.skipped + done - mark.start, "line": mark.line})

    def _told(self, position: dict[str, Any]) -> dict[str, Any]:
        if self._decoder.encoding:
            position["encoding"] = self._decoder.encoding
        if self._decoder.guessed:
            position["guessed"] = True
        return position

    def _keep(self, done: int) -> None:
        """Let go of the lines that are done."""
        left = self._lines[done:]
        if not left:
            self._lines, self._marks = [], []
            return
        last = max(index for index, mark in enumerate(self._marks) if mark.start <= done)
        mark = self._marks[last]
        here = _Mark(0, mark.offset, mark.line, mark.skipped + done - mark.start)
        after = [later._replace(start=later.start - done) for later in self._marks[last + 1 :]]
        self._lines, self._marks = left, [here, *after]
