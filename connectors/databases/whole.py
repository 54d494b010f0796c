"""How a column of PostgreSQL's text becomes one of JSON as a whole, where Arrow can do what `connectors.databases.values` does."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from connectors.column_records import TIME
from connectors.columns import Column, of_strings
from connectors.databases.values import Converter, short_number

_TEXT = 25  # its OID
_PLAIN_PLACES = 6  # a decimal with more of them may be written with an exponent
Line = bytes | bytearray | memoryview  # as psycopg gives them
# None from it: value by value
Taking = Callable[[pa.StringArray], Column | None]


class Copy(NamedTuple):
    """A COPY under way.

    Attributes:
        lines: CSV as the server sends it, a row at a time; each is to be used up before the next is asked for.
        loads: for each column how the driver reads a value.
        taking: for each column how it is taken as a whole; None: value by value.
    """

    lines: Generator[Line, None, None]
    loads: Sequence[Callable[[bytes], Any]]
    taking: Sequence[Taking | None]


def readers(
    connection: Any, description: Sequence[Any], converters: Sequence[Converter | None]
) -> tuple[list[Callable[[bytes], Any]], list[Taking | None]]:
    """How psycopg reads the values of each column on a connection, and how the column is taken as a whole."""
    from psycopg.adapt import Transformer
    from psycopg.pq import Format

    known = Transformer(connection)
    loaders = [known.get_loader(column.type_code, Format.TEXT) for column in description]
    text = type(known.get_loader(_TEXT, Format.TEXT))
    columns = zip(description, converters, loaders, strict=True)
    taking = [_taking(column, convert, is_text=type(loader) is text) for column, convert, loader in columns]
    return [loader.load for loader in loaders], taking


def _taking(column: Any, convert: Converter | None, *, is_text: bool) -> Taking | None:
    if column.type_code in _WHOLE:
        return _WHOLE[column.type_code]
    if convert is short_number:
        return numbers if column.scale <= _PLAIN_PLACES else None
    return of_strings if is_text and convert is None else None


def numbers(texts: pa.StringArray) -> Column | None:
    """Whole numbers, or decimals with so few places that they are never written with an exponent."""
    if pc.any(pc.equal(texts, "NaN")).as_py():
        return None
    return Column.plain(texts, "number")


def booleans(texts: pa.StringArray) -> Column:
    """``t`` and ``f``."""
    return Column.plain(pc.if_else(pc.equal(texts, "t"), "true", "false"), "boolean")


def local_times(texts: pa.StringArray) -> Column:
    """As `values.local_text` does it."""
    if parsed(texts, zoned=False) is not None:
        # what can be parsed has its date in the first ten characters; this is several times as fast as the expression
        return of_strings(pc.binary_replace_slice(texts, 10, 11, "T"))
    return of_strings(pc.replace_substring_regex(texts, r"^(.{10}) (.*[0-9])$", r"\1T\2"))


def utc_times(texts: pa.StringArray) -> Column:
    """As `values.utc_text` does it."""
    if parsed(texts, zoned=True) is not None and pc.all(pc.ends_with(texts, "+00")).as_py():
        return of_strings(pc.binary_join_element_wise(pc.binary_replace_slice(texts, 10, 11, "T"), ":00", ""))
    return of_strings(pc.replace_substring_regex(texts, r"^(.{10}) (.*)\+00$", r"\1T\2+00:00"))


def parsed(texts: pa.StringArray, *, zoned: bool) -> pa.TimestampArray | None:
    """Times in UTC; None where one is infinite or of a year that has not four digits."""
    try:
        return texts.cast(TIME) if zoned else texts.cast(pa.timestamp("us")).cast(TIME)
    except pa.ArrowInvalid:
        return None


_WHOLE: dict[int, Taking] = {16: booleans, **dict.fromkeys((20, 21, 23, 26), numbers), 1114: local_times, 1184: utc_times}
