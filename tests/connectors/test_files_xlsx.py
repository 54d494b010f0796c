"""Excel workbooks are read as Excel shows them."""

from __future__ import annotations

import io
import json
import re
import warnings
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from connectors.files import xlsx as files_xlsx
from connectors.payload import encode
from hub.contract.errors import SourceDataError
from tests.connectors.files_kit import contacts, ids, pages, records, rejects, write

HEAD = ["id", "name", "email"]


def book(path: Path, rows: list[list[Any]], title: str = "Contacts") -> Workbook:
    made = Workbook()
    assert made.active is not None
    made.active.title = title
    for row in rows:
        made.active.append(row)
    made.save(path)
    return made


def read(folder: Path, **stream: Any) -> list[dict[str, Any]]:
    return [dict(record.payload) for record in records(pages(contacts(folder, "*.xlsx", **stream)))]


def test_rows_become_records_with_values_as_excel_shows_them(tmp_path: Path) -> None:
    head = [*HEAD, "zip", "born", "at", "due", "big", "flag", "time", "spent", "none", "third", "long"]
    row = [
        "007",
        "Zoë 😀\nlast",
        "z@x.example",
        1234,
        date(1980, 2, 3),
        datetime(2026, 3, 1, 14, 30),  # noqa: DTZ001 - Excel knows no zones
        12.50,
        123456789012345,
        True,
        time(8, 30),
        timedelta(hours=30),
        None,
        1.1 + 2.2,
        12345678901234567890,
    ]
    made = book(tmp_path / "c.xlsx", [head, row])
    made.active["D2"].number_format = "00000"
    made.save(tmp_path / "c.xlsx")
    (found,) = read(tmp_path)
    assert json.loads(encode(found)[0]) == {
        "id": "007",
        "name": "Zoë 😀\nlast",
        "email": "z@x.example",
        "zip": "01234",
        "born": "1980-02-03",
        "at": "2026-03-01T14:30:00",
        "due": 12.5,
        "big": 123456789012345,
        "flag": True,
        "time": "08:30:00",
        "spent": "30:00:00",
        "none": None,
        "third": 3.3,
        "long": "12345678901234600000",
    }


def test_numbers_that_identify_are_written_as_excel_shows_them(tmp_path: Path) -> None:
    book(tmp_path / "c.xlsx", [HEAD, [1, "a", ""], [2.0, "b", ""], ["03", "c", ""], [4.5, "d", ""], [" 5 ", "e", ""]])
    assert ids(pages(contacts(tmp_path, "*.xlsx"))) == ["1", "2", "03", "4.5", "5"]


def test_formulas_count_as_what_excel_worked_out_and_errors_as_nothing(tmp_path: Path) -> None:
    book(tmp_path / "c.xlsx", [HEAD, [1, "=A2&1", "#N/A as text"], [2, "Joe", ""]])
    with zipfile.ZipFile(tmp_path / "c.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    # as Excel saves them: a formula with its last value, and one whose last value is an error
    parts[sheet] = parts[sheet].replace(b'<c r="B2"><f>A2&amp;1</f><v /></c>', b'<c r="B2" t="str"><f>A2&amp;1</f><v>11</v></c>')
    parts[sheet] = parts[sheet].replace(b'<c r="A3" t="n"><v>2</v></c>', b'<c r="A3" t="e"><f>1/0</f><v>#DIV/0!</v></c>')
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    got = pages(contacts(tmp_path, "*.xlsx"))
    assert [dict(record.payload) for record in records(got)] == [{"id": 1, "name": "11", "email": "#N/A as text"}]
    assert [(reject.where, reject.reason) for reject in rejects(got)] == [
        ("c.xlsx:3", "column id that identifies the row is empty")
    ]


def test_a_formula_that_nobody_worked_out_costs_its_row_and_is_no_empty_value(tmp_path: Path) -> None:
    """As programs write workbooks that never saw Excel."""
    rows = [[1, "Jane", "j@x.example", "=1+1"], [2, '=A3&"x"', "b", None], ["=SUM(A2:A3)", "C", "c", None], [4, "Dee", "d", None]]
    made = book(tmp_path / "c.xlsx", [[*HEAD, "note"], *rows])
    made["Contacts"]["C5"] = '="' + "long" * 1500 + '"'
    made.save(tmp_path / "c.xlsx")
    got = pages(contacts(tmp_path, "*.xlsx"))
    assert ids(got) == ["1"], "a note that hub.yaml does not name costs nothing"
    assert [(reject.where, reject.reason.partition(" was")[0]) for reject in rejects(got)] == [
        ("c.xlsx:3", "the formula in column name"),
        ("c.xlsx:4", "the formula in column id"),
        ("c.xlsx:5", "the formula in column email"),
    ]
    assert rejects(got)[0].content == '{"id": 2, "name": null, "email": "b", "note": null}'


@pytest.mark.parametrize(
    ("cell", "read_as"),
    [
        (b'<c r="B2" t="str"><f>""</f><v></v></c>', None),  # Excel's own empty text
        (b'<x:c r="B2"><x:f t="shared" si="0"/></x:c>', "turned down"),
        (b'<c s="1" r="B2"><f t="array" ref="B2">1</f>\n<v/></c>', "turned down"),
        (b'<c r="B2"><f t="shared" si="0"/><v>7</v></c>', 7),
    ],
)
def test_formulas_are_known_however_a_program_writes_them(tmp_path: Path, cell: bytes, read_as: Any) -> None:
    book(tmp_path / "c.xlsx", [HEAD, [1, "Jane", "e"]])
    with zipfile.ZipFile(tmp_path / "c.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = re.sub(rb'<c r="B2"[^>]*>.*?</c>', lambda _: cell, parts[sheet])
    parts[sheet] = parts[sheet].replace(
        b"<worksheet ", b'<worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    )
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    got = pages(contacts(tmp_path, "*.xlsx"))
    assert [record.payload["name"] for record in records(got)] == ([] if read_as == "turned down" else [read_as])
    assert len(rejects(got)) == (read_as == "turned down")


def test_empty_rows_are_passed_over_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    book(tmp_path / "c.xlsx", [[], HEAD, [], [1, "Jane"], [None, None, None], [None, "nobody"], [2, "Joe", None, None]])
    got = pages(contacts(tmp_path, "*.xlsx"))
    assert [dict(record.payload) for record in records(got)] == [
        {"id": 1, "name": "Jane", "email": None},
        {"id": 2, "name": "Joe", "email": None},
    ]
    assert [reject.where for reject in rejects(got)] == ["c.xlsx:6"]


def test_merged_cells_hold_their_value_once(tmp_path: Path) -> None:
    made = book(tmp_path / "c.xlsx", [["Our contacts"], HEAD, [1, "Jane", "j@x.example"], [2, None, "k@x.example"]])
    made.active.merge_cells("A1:C1")
    made.active.merge_cells("B3:B4")
    made.save(tmp_path / "c.xlsx")
    assert [row["name"] for row in read(tmp_path, header_row=2)] == ["Jane", None]


def test_header_names_that_repeat_or_lack_lose_no_value_and_notes_beside_the_table_are_kept(tmp_path: Path) -> None:
    book(
        tmp_path / "c.xlsx", [["id", "note", "note", None, "name", "email", None], [1, "a", "b", "c", "Jane", "x", None, "beside"]]
    )
    (row,) = read(tmp_path)
    assert row == {"id": 1, "note": "a", "note_3": "b", "column_4": "c", "name": "Jane", "email": "x", "column_8": "beside"}
    book(tmp_path / "c.xlsx", [["id", "name", "name", "email"], [1, "a", "b", "c"]])
    with pytest.raises(SourceDataError, match=r"field name: two columns are called 'name' in c.xlsx; rename one of them"):
        read(tmp_path)


def test_the_sheet_is_the_first_that_can_be_seen_or_the_one_that_is_named(tmp_path: Path) -> None:
    made = book(tmp_path / "c.xlsx", [HEAD, [1, "hidden", ""]], title="Old")
    made.active.sheet_state = "hidden"
    made.create_sheet("Contacts").append(HEAD)
    made["Contacts"].append([2, "seen", ""])
    other = made.create_sheet("Other")
    other.append(HEAD)
    other.append([3, "other", ""])
    made.active = 1
    made.save(tmp_path / "c.xlsx")
    assert [row["name"] for row in read(tmp_path)] == ["seen"]
    assert [row["name"] for row in read(tmp_path, sheet="Other")] == ["other"]
    with pytest.raises(SourceDataError, match=r"crm/contacts field sheet: no sheet 'Othr' in c.xlsx; did you mean Other\?"):
        read(tmp_path, sheet="Othr")


def test_missing_columns_and_headers_are_errors_as_for_csv(tmp_path: Path) -> None:
    book(tmp_path / "c.xlsx", [["id", "Name", "email"], [1, "Jane", ""]])
    with pytest.raises(SourceDataError, match=r"field name: no column 'name' in c.xlsx; did you mean Name\?"):
        contacts(tmp_path, "*.xlsx").check()
    book(tmp_path / "c.xlsx", [])
    with pytest.raises(SourceDataError, match=r"no header line in c.xlsx"):
        read(tmp_path)
    with pytest.raises(SourceDataError, match=r"no header in row 3 in c.xlsx"):
        read(tmp_path, header_row=3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a workbook", r"the file is no whole Excel workbook \(BadZipFile\) in c.xlsx; save it again"),
        (b"", r"the file is no whole Excel workbook"),
        (b"\xd0\xcf\x11\xe0 rest", r"the workbook has a password, or is of the old .xls kind in c.xlsx; save it as .xlsx"),
        ("cut", r"the file is no whole Excel workbook"),
        ("zip", r"the file is no whole Excel workbook"),
        ("torn", r"the sheet cannot be read after row \d+ \(ParseError\) in c.xlsx; save it again"),
    ],
)
def test_a_file_that_is_no_workbook_is_one_line_of_error(tmp_path: Path, content: bytes | str, message: str) -> None:
    book(tmp_path / "c.xlsx", [HEAD, *([n, "Jane", ""] for n in range(500))])
    whole = (tmp_path / "c.xlsx").read_bytes()
    if content == "cut":
        content = whole[: len(whole) // 2]
    elif content in ("zip", "torn"):
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, "w") as new:
            for name in old.namelist() if content == "torn" else ["xl/styles.xml"]:
                data = old.read(name)
                new.writestr(name, data[: len(data) // 2] if name.endswith("sheet1.xml") else data)
        content = out.getvalue()
    write(tmp_path / "c.xlsx", content)
    with pytest.raises(SourceDataError, match=message) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_size_that_is_noted_wrongly_hides_no_row(tmp_path: Path) -> None:
    made = Workbook(write_only=True)
    sheet = made.create_sheet("x")
    for row in (HEAD, [1, "Jane", "j@x.example"], [2, WriteOnlyCell(sheet, "Joe"), None]):
        sheet.append(row)
    made.save(tmp_path / "c.xlsx")
    with zipfile.ZipFile(tmp_path / "c.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name].replace(b"<sheetData>", b'<dimension ref="A1" /><sheetData>')
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    assert [row["name"] for row in read(tmp_path)] == ["Jane", "Joe"]


def test_reading_resumes_inside_a_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_xlsx, "BATCH_ROWS", 10)
    book(tmp_path / "c.xlsx", [HEAD, *([n, "Jane", ""] for n in range(35))])
    source = contacts(tmp_path, "*.xlsx")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = pages(source)
    assert [len(page.records) for page in whole] == [10, 10, 10, 5, 0]
    for number, page in enumerate(whole):
        assert ids(whole[: number + 1]) + ids(pages(source, page.checkpoint)) == ids(whole)
