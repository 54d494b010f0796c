"""Excel workbooks: one sheet, row by row, each cell as Excel shows its value.

Formulas count as what Excel last worked out for them; a row in which nobody did, in a column that hub.yaml names, is turned down.
Of merged cells, the first holds the value and the others are empty. A cell with an error (#N/A) has no value. Dates become ISO
text, numbers keep the 15 digits that Excel keeps.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from connectors.fields import as_json, nearest
from connectors.files.formulas import unworked
from connectors.files.limits import MOST_ROWS, Limits, check_workbook
from connectors.files.rows import BATCH_ROWS, EXACT_DIGITS, BadRow, Batch, Batches, Place, Position, Row, Shape, header, no_header
from hub.contract.errors import HubError

# old .xls files and workbooks with a password are both of this kind
_OLE2 = b"\xd0\xcf\x11\xe0"
_ZEROS = re.compile(r"0{2,}")
_BROKEN = (zipfile.BadZipFile, ParseError, KeyError, ValueError, TypeError, AttributeError, IndexError, EOFError, OSError)


def read_xlsx(open_: Callable[[], BinaryIO], shape: Shape, place: Place, after: Position | None, limits: Limits) -> Batches:
    """The rows of a sheet after a position; ``open_`` gives a stream that can seek."""
    with _sheet(open_, shape, place, limits) as sheet:
        number, names = _header(sheet, shape, place)
    limits.columns(len(names), place)
    return _batches(open_, shape, place, limits, names, int(after["row"]) if after else number)


@contextmanager
def _sheet(open_: Callable[[], BinaryIO], shape: Shape, place: Place, limits: Limits) -> Iterator[Any]:
    from openpyxl import load_workbook

    with open_() as stream:
        if stream.read(4) == _OLE2:
            raise place.error(
                "the workbook has a password, or is of the old .xls kind", remedy="save it as .xlsx without a password"
            )
        stream.seek(0)
        try:
            check_workbook(stream, limits, place)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of print settings and the like that openpyxl does not keep
                book = load_workbook(stream, read_only=True, data_only=True)
        except HubError:
            raise
        except _BROKEN as error:
            raise place.error(f"the file is no whole Excel workbook ({type(error).__name__})", remedy="save it again") from error
        try:
            yield _chosen(book.worksheets, shape.sheet, place)
        finally:
            book.close()


def _chosen(sheets: Sequence[Any], name: str | None, place: Place) -> Any:
    if name is None:
        found = next((sheet for sheet in sheets if sheet.sheet_state == "visible"), sheets[0] if sheets else None)
    else:
        found = next((sheet for sheet in sheets if sheet.title == name), None)
    if found is None:
        titles = [sheet.title for sheet in sheets]
        hint = nearest(name, titles) if name else "there are none"
        raise place.error(f"no sheet {name!r}" if name else "no sheet", field="sheet", remedy=f"{hint}; correct sheet in hub.yaml")
    found.reset_dimensions()  # what some programs write there is less than the sheet holds
    return found


def _header(sheet: Any, shape: Shape, place: Place) -> tuple[int, list[str]]:
    for number, cells in _rows(sheet, place, shape.header_row or 1):
        columns = ["" if value is None else str(value).strip() for value in map(_value, cells)]
        while columns and not columns[-1]:
            columns.pop()
        if columns:
            return number, header(columns, shape, place)
        if shape.header_row is not None:
            break
    raise no_header(shape, place)


def _batches(open_: Callable[[], BinaryIO], shape: Shape, place: Place, limits: Limits, names: list[str], done: int) -> Batches:
    rows: list[Row | BadRow] = []
    wanted = {number for number, name in enumerate(names, 1) if name in shape.wanted}
    with _sheet(open_, shape, place, limits) as sheet:
        with sheet._get_source() as text:
            without = unworked(text, wanted)
        for number, cells in _rows(sheet, place, done + 1):
            values = [_value(cell) for cell in cells]
            if column := without[number]:
                reason = f"the formula in column {names[column - 1]} was never worked out; open the workbook in Excel and save it"
                rows.append(BadRow(number, as_json(_named(names, values)), reason))
            elif any(value is not None for value in values):
                rows.append(Row(number, _named(names, values)))
            if len(rows) >= BATCH_ROWS:
                yield Batch(rows, {"row": number})
                rows = []
        if rows:
            yield Batch(rows, {"row": rows[-1].line})


def _named(names: list[str], values: list[Any]) -> dict[str, Any]:
    row = dict.fromkeys(names)
    row.update(zip(names, values, strict=False))
    for number, value in enumerate(values[len(names) :], len(names) + 1):
        if value is not None:  # a note beside the table; it shifts nothing
            row[_free(f"column_{number}", names)] = value
    return row


def _free(name: str, names: list[str]) -> str:
    while name in names:
        name += "_"
    return name


def _rows(sheet: Any, place: Place, first: int) -> Iterator[tuple[int, Sequence[Any]]]:
    """The rows of a sheet with their numbers."""
    rows, number = sheet.iter_rows(min_row=first), first - 1
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of dates that are none; the cell then holds an error
                cells = next(rows, None)
        except _BROKEN as error:
            raise place.error(
                f"the sheet cannot be read after row {number} ({type(error).__name__})", remedy="save it again"
            ) from error
        if cells is None:
            return
        number += 1
        if number > MOST_ROWS:  # between two rows there may be any number of empty ones, which take no byte
            raise place.error(f"there are rows after row {MOST_ROWS:,}, where sheets of Excel end,", remedy="save it again")
        yield number, cells


def _value(cell: Any) -> Any:
    value = cell.value
    match value:
        case None | bool():
            return value
        case str():
            return None if cell.data_type == "e" or not value else _unescaped(value)
        case int() | float():
            return _number(value, cell.number_format)
        case datetime():
            return _dated(value, cell.number_format)
        case date() | time():
            return value.isoformat()
        case timedelta():
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        case _:
            return str(value)


def _unescaped(text: str) -> str:
    from openpyxl.utils.escape import unescape

    return str(unescape(text)) if "_x" in text else text


def _number(value: int | float, shown: str) -> Any:
    if isinstance(value, float):
        if value - value != 0:
            return None
        # the 17 digits in the file are those of the double; Excel knows 15 of them
        exact = Decimal(f"{value:.{EXACT_DIGITS}g}")
        if exact != exact.to_integral_value():
            return exact
        value = int(exact)
    if value >= 0 and _ZEROS.fullmatch(shown):  # postal codes are often kept as numbers that are shown with their zeros
        padded = str(value).zfill(len(shown))
        return padded if padded != str(value) else value
    return value if len(str(abs(value))) <= EXACT_DIGITS else str(value)


def _dated(value: datetime, shown: str) -> str:
    from openpyxl.styles.numbers import is_datetime

    return value.date().isoformat() if is_datetime(shown) == "date" else value.isoformat()
