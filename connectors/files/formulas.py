"""Formulas in a sheet that nobody has worked out.

Excel keeps with each formula what it last came to, and that is what is read. Programs that write workbooks often leave it out, and
the cell is then as if it were empty; whoever reads the sheet would lose a value without a word. Looked for in the sheet's own text:
parsing it a second time would double the time of reading.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection
from typing import BinaryIO

from connectors.files.limits import MOST_ROWS

_CHUNK = 1024 * 1024
_LONGEST = 64 * 1024  # of a cell's text; a formula has 8,192 characters at most
_NAME = rb"(?:\w+:)?"
# a cell with a formula, and no value or an empty one
_CELL = re.compile(
    rb"<%(n)sc\b([^>]*)>\s*<%(n)sf\b(?:[^>]*/>|[^>]*>[^<]*</%(n)sf>)\s*(?:<%(n)sv\s*/>|<%(n)sv>\s*</%(n)sv>)?\s*</%(n)sc>"
    % {b"n": _NAME}
)
_PLACE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_EMPTY_TEXT = b't="str"'  # so Excel writes a formula that came to a text without letters


def unworked(sheet: BinaryIO, columns: Collection[int]) -> array[int]:
    """For each row, by its number, the first of some columns whose formula has no value; 0 where there is none.

    Args:
        sheet: the sheet's XML.
        columns: by number, from 1.
    """
    found = array("H", bytes(2 * (MOST_ROWS + 1)))
    rest = b""
    while chunk := sheet.read(_CHUNK):
        text = rest + chunk
        for cell in _CELL.finditer(text):
            place = _PLACE.search(cell.group(1))
            if place is None or _EMPTY_TEXT in cell.group(1):
                continue
            row, column = int(place.group(2)), _number(place.group(1))
            if column in columns and row <= MOST_ROWS and not found[row]:
                found[row] = column
        rest = text[-_LONGEST:]
    return found


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
