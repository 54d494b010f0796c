"""JSON lines: one object a line, in UTF-8, with its numbers' digits kept."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO

from connectors.files.limits import Limits
from connectors.files.lines import Block, blocks
from connectors.files.rows import BATCH_ROWS, EXACT_DIGITS, TOO_LONG, BadRow, Batch, Batches, Place, Position, Row, Shape, need

_MARK = b"\xef\xbb\xbf"
# deeper ones are no record: they would exhaust the stack of whoever writes or reads them next
_DEEPEST = 200


def _exact_number(text: str) -> Decimal | str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text  # its exponent is one that nobody can hold
    return number if len(number.as_tuple().digits) <= EXACT_DIGITS else text


def _exact_integer(text: str) -> int | str:
    # more than 64 bits hold, the warehouse would read as a double
    return int(text) if len(text) <= 18 else text


# NaN and Infinity are no JSON, but Python writes them; they say "no number"
_parse = json.JSONDecoder(parse_float=_exact_number, parse_int=_exact_integer, parse_constant=lambda _: None).decode


def read_json_lines(open_: Callable[[], BinaryIO], shape: Shape, place: Place, after: Position | None, limits: Limits) -> Batches:
    """The rows of a file after a position.

    Objects may leave out what is empty, so a column is missing only if no row has it; that is found out first.
    """
    with open_() as stream:
        _judge(stream, shape, place, limits)
    return _batches(open_, after or {"at": 0, "line": 1}, limits)


def _judge(stream: BinaryIO, shape: Shape, place: Place, limits: Limits) -> None:
    # parsing a gigabyte to learn that a column is in no row takes a minute, looking for its name takes seconds
    start = stream.read(4)
    # so PowerShell writes files
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or start[:2] in (b"{\0", b"\0{"):
        raise place.error("the file is UTF-16, and JSON lines are UTF-8,", remedy="save it as UTF-8")
    missing = {frozenset(group): [_written(name) for name in group] for group in shape.needed}
    seen: dict[str, None] = {}
    for block in blocks(stream, begun=start):
        for line in block.data.split(b"\n"):
            if seen and not any(name in line for names in missing.values() for name in names):
                continue
            row = _row(1, line.removeprefix(_MARK), limits.max_columns)
            if isinstance(row, Row):
                seen.update(dict.fromkeys(row.values))
                missing = {group: names for group, names in missing.items() if not group & row.values.keys()}
            if not missing:
                return
    if seen:
        need(shape, list(seen), place)


def _written(name: str) -> bytes:
    """A column's name as it stands in a line, as far as that can be told: not all write letters beyond ASCII alike."""
    return json.dumps(name).encode() if name.isascii() and name.isprintable() and not set(name) & set('"\\/') else b'"'


def _batches(open_: Callable[[], BinaryIO], after: Position, limits: Limits) -> Batches:
    with open_() as stream:
        number = int(after["line"])
        for block in blocks(stream, int(after["at"])):
            for batch in _of_block(block, number, limits.max_columns):
                yield batch
                number = int(batch.position["line"])


def _of_block(block: Block, number: int, most: int) -> Iterator[Batch]:
    if block.overlong:
        bad = BadRow(number, block.data.decode("utf-8", errors="replace"), TOO_LONG)
        yield Batch([bad], {"at": block.end, "line": number + 1})
        return
    at, rows = block.offset, list[Row | BadRow]()
    for line in block.data.removesuffix(b"\n").split(b"\n"):
        if line and (made := _row(number, line if at else line.removeprefix(_MARK), most)):
            rows.append(made)
        at += len(line) + 1
        number += 1
        if len(rows) >= BATCH_ROWS:
            yield Batch(rows, {"at": at, "line": number})
            rows = []
    yield Batch(rows, {"at": block.end, "line": number})


def _row(number: int, line: bytes, most: int) -> Row | BadRow | None:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return BadRow(number, line.decode("utf-8", errors="replace").rstrip("\r\n"), "the line is not UTF-8")
    if text.isspace() or not text:
        return None
    try:
        values = _parse(text)
    except (ValueError, RecursionError):
        return BadRow(number, text.rstrip("\r\n"), "the line is no JSON")
    if not isinstance(values, dict):
        return BadRow(number, text.rstrip("\r\n"), "the line is no JSON object")
    if line.count(b"[") + line.count(b"{") > _DEEPEST and _depth(values) > _DEEPEST:
        return BadRow(number, text.rstrip("\r\n"), f"the line's JSON is nested more than {_DEEPEST} deep")
    if len(values) > most:
        return BadRow(number, text.rstrip("\r\n"), f"the line has more than {most:,} fields")
    return Row(number, values)


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [inner for outer in level if isinstance(outer, dict | list) for inner in _inner(outer)]:
        depth += 1
    return depth


def _inner(outer: dict[str, Any] | list[Any]) -> Iterator[Any]:
    return iter(outer.values() if isinstance(outer, dict) else outer)
