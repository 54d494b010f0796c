"""A file in blocks of whole lines, so that memory does not grow with it and reading can go on at a byte.

Knows nothing of what a line means; a line that is longer than any record may be is passed on cut short, and said to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

BLOCK_BYTES = 1024 * 1024
# a record larger than this is none; it is also how far an unclosed quote is followed
MAX_LINE = 16 * 1024 * 1024
_SHOWN = 64 * 1024


class Block(NamedTuple):
    """Whole lines and where they lie; or, where ``overlong``, the beginning of one line that is no record."""

    offset: int
    end: int
    data: bytes
    overlong: bool = False


def blocks(
    stream: BinaryIO, offset: int = 0, line_end: bytes = b"\n", other_end: bytes | None = None, begun: bytes = b""
) -> Iterator[Block]:
    """The blocks from an offset on.

    Args:
        line_end: as it is encoded; its length is the width of the encoding's units.
        other_end: what ends lines where a block has no ``line_end`` at all (files of old Macs).
        begun: what was read from the stream already, if the offset is 0.
    """
    _skip(stream, offset)
    rest = begun
    while chunk := stream.read(BLOCK_BYTES):
        rest += chunk
        if cut := _last_end(rest, line_end, other_end):
            yield Block(offset, offset + cut, rest[:cut])
            offset, rest = offset + cut, rest[cut:]
        elif len(rest) > MAX_LINE:
            shown = rest[:_SHOWN]
            passed, rest = _pass_over(stream, rest, line_end)
            yield Block(offset, offset + passed, shown, overlong=True)
            offset += passed
    if rest:
        yield Block(offset, offset + len(rest), rest)


def _skip(stream: BinaryIO, offset: int) -> None:
    if not offset:
        return
    if stream.seekable():
        stream.seek(offset)
        return
    while offset > 0 and (passed := stream.read(min(offset, BLOCK_BYTES))):
        offset -= len(passed)


def _last_end(data: bytes, line_end: bytes, other_end: bytes | None) -> int:
    """Where the last whole line ends; 0 if none does."""
    at, width = data.rfind(line_end), len(line_end)
    while at >= 0 and at % width:  # in UTF-16 the two bytes may belong to two characters
        at = data.rfind(line_end, 0, at + width - 1)
    if at < 0 and other_end is not None and len(other_end) == 1:
        at = data.rfind(other_end, 0, len(data) - 1)  # not the last byte: the other half of a line end may follow it
    return at + width if at >= 0 else 0


def _pass_over(stream: BinaryIO, rest: bytes, line_end: bytes) -> tuple[int, bytes]:
    """Read on to the end of a line: how many bytes that were in all, and what follows it."""
    passed, width = 0, len(line_end)
    while True:
        at = rest.find(line_end)
        while at >= 0 and at % width:
            at = rest.find(line_end, at + 1)
        if at >= 0:
            return passed + at + width, rest[at + width :]
        whole = len(rest) - len(rest) % width
        passed, rest = passed + whole, rest[whole:]
        chunk = stream.read(BLOCK_BYTES)
        if not chunk:
            return passed + len(rest), b""
        rest += chunk
