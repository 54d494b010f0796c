"""Files that would unfold without end are refused, in little memory; what is large and honest is read."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from connectors.files import xlsx as under_test
from connectors.files.connector import FilesConnector
from connectors.payload import _kept_keys, encode
from hub.contract.errors import SourceDataError
from tests.connectors.files_kit import CONTACTS, connector, contacts, ids, pages, records, rejects, write

MEGABYTE = 1024 * 1024
HEAD = b"id,name,email\n"
ROWS = (b"1,Jane,%s\n" % (b"x" * 4_000)) * 256  # a megabyte
# reads a folder's contacts in a process of its own; how many rows came, how it ended, and the most memory it held beyond its start
READ = """
import json, resource, sys
from pathlib import Path
import connectors.files.csv, openpyxl, pyarrow.parquet, pyarrow.compute
from hub.contract.errors import HubError
from tests.connectors.files_kit import contacts
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
source = contacts(Path(sys.argv[1]), sys.argv[2])
start, rows, said = peak(), 0, ""
try:
    for page in next(iter(source.streams())).read(None):
        rows += len(page.records)
except HubError as error:
    said = str(error)
print(json.dumps({"rows": rows, "said": said, "megabytes": peak() - start}))
"""


def measured(folder: Path, name: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", READ, str(folder), name], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def limited(folder: Path, path: str, **limits: int) -> FilesConnector:
    return connector(folder, {"contacts": {**CONTACTS, "path": path}}, limits=limits)


def gz(folder: Path) -> None:
    write(folder / "c.csv.gz", gzip.compress(HEAD) + gzip.compress(ROWS * 10, 9) * 10)  # members may follow each other


def line_without_end(folder: Path) -> None:
    write(folder / "c.csv.gz", gzip.compress(HEAD) + gzip.compress(b"x" * 10 * MEGABYTE, 9) * 30)


def bz(folder: Path) -> None:
    write(folder / "c.csv.bz2", bz2.compress(HEAD) + bz2.compress(b"x" * 45 * MEGABYTE, 9) * 200)


def xz(folder: Path) -> None:
    write(folder / "c.csv.xz", lzma.compress(HEAD) + lzma.compress(ROWS * 10, preset=0) * 20)


def zst(folder: Path) -> None:
    # compressed frames may follow each other too; one that is all one letter takes a few hundred bytes
    packed = pa.compress(ROWS * 10, "zstd", asbytes=True)
    write(folder / "c.csv.zst", pa.compress(HEAD, "zstd", asbytes=True) + packed * 20)


def zipped(folder: Path) -> None:
    with zipfile.ZipFile(folder / "c.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("c.csv", "w") as sink:
        sink.write(HEAD)
        for _ in range(100):
            sink.write(b"x" * MEGABYTE)


def workbook(folder: Path, name: str, content: bytes) -> None:
    """A workbook with one of its parts exchanged."""
    made = Workbook()
    assert made.active is not None
    for row in (["id", "name", "email"], [1, "Jane", "j@x.example"]):
        made.active.append(row)
    made.save(folder / "good.xlsx")
    with zipfile.ZipFile(folder / "good.xlsx") as good, zipfile.ZipFile(folder / "c.xlsx", "w", zipfile.ZIP_DEFLATED) as bad:
        for part in good.namelist():
            bad.writestr(part, content if part == name else good.read(part))
    (folder / "good.xlsx").unlink()


def sheet(cells: str, doctype: str = "") -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'{doctype}<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'.encode()


def texts(number: int, *values: str) -> str:
    """A row of a sheet."""
    cells = (f'<c r="{chr(65 + at)}{number}" t="inlineStr"><is><t>{value}</t></is></c>' for at, value in enumerate(values))
    return f'<row r="{number}">{"".join(cells)}</row>'


def book(folder: Path) -> None:
    workbook(folder, "xl/worksheets/sheet1.xml", sheet(texts(1, "id", "name", "email") + texts(2, "1", "a", "b") * 600_000))


@pytest.mark.parametrize(
    ("bomb", "said"),
    [
        (gz, "more than 200 times its size is packed in c.csv.gz"),
        (line_without_end, "more than 200 times its size is packed in c.csv.gz"),
        (bz, "more than 200 times its size is packed in c.csv.bz2"),
        (xz, "more than 200 times its size is packed in c.csv.xz"),
        (zst, "more than 200 times its size is packed in c.csv.zst"),
        (zipped, "more than 200 times its size is packed in c.csv.zip"),
        (book, "more than 200 times its size is packed in c.xlsx"),
    ],
)
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path, bomb: Callable[[Path], None], said: str) -> None:
    bomb(tmp_path)
    (file,) = tmp_path.iterdir()
    found = measured(tmp_path, file.name)
    assert found["said"].startswith(f"crm/contacts field limits.max_ratio: {said}; nothing more of it is read; if it is right")
    assert found["megabytes"] < 150, found


def test_a_long_value_that_all_rows_share_is_read_a_few_rows_at_a_time(tmp_path: Path) -> None:
    rows, long = 400, "A" * 8 * MEGABYTE
    name = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), [long])
    listed = pa.ListArray.from_arrays(pa.array(range(rows + 1), pa.int32()), name)
    table = pa.table({"id": [str(n) for n in range(rows)], "name": ["x"] * rows, "email": name, "more": listed})
    pq.write_table(table, tmp_path / "c.parquet", compression="zstd", store_schema=False)
    assert (tmp_path / "c.parquet").stat().st_size < MEGABYTE
    source = contacts(tmp_path, "c.parquet")
    first = next(page for page in next(iter(source.streams())).read(None) if page.records)
    assert len(first.records) == 1
    assert len(next(iter(first.records)).payload["email"]) == len(long)  # type: ignore[arg-type]
    many = pa.table(
        {"id": [str(n) for n in range(20_000)], "name": ["Jane"] * 20_000, "email": [f"{n}@x.example" for n in range(20_000)]}
    )
    pq.write_table(many, tmp_path / "c.parquet", row_group_size=7_000)
    assert ids(pages(contacts(tmp_path, "c.parquet"))) == [str(n) for n in range(20_000)]


def test_a_parquet_file_of_more_rows_or_elements_than_its_bytes_can_tell_is_refused(tmp_path: Path) -> None:
    many = 2_000_000
    flat = pa.table({name: pa.nulls(many, pa.int8()) for name in ("id", "name", "email")})
    one = {"id": ["1"], "name": ["a"], "email": ["b"]}
    nested = pa.table(one | {"all": pa.ListArray.from_arrays(pa.array([0, many], pa.int32()), pa.nulls(many, pa.int8()))})
    for table in (flat, nested):
        pq.write_table(table, tmp_path / "c.parquet", compression="zstd", row_group_size=many)
        with pytest.raises(SourceDataError, match=r"more than 1 MB are packed in c\.parquet"):
            pages(limited(tmp_path, "c.parquet", max_unpacked_mb=1))


def test_a_sheet_that_skips_a_billion_rows_ends_where_excels_sheets_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "MOST_ROWS", 10_000)
    rows = texts(1, "id", "name", "email") + texts(2_000_000_000, "1", "Jane", "j@x.example")
    workbook(tmp_path, "xl/worksheets/sheet1.xml", sheet(rows))
    with pytest.raises(SourceDataError, match="there are rows after row 10,000, where sheets of Excel end"):
        pages(contacts(tmp_path, "c.xlsx"))


@pytest.mark.parametrize("entity", ["laughs", "file"])
def test_a_workbooks_xml_expands_nothing(tmp_path: Path, entity: str) -> None:
    secret = write(tmp_path / "secret.txt", "a secret of this machine")
    laughs = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    told, name = (laughs, "a11") if entity == "laughs" else (f'<!ENTITY x SYSTEM "{secret.as_uri()}">', "x")
    rows = texts(1, "id", "name", "email") + texts(2, "1", f"&{name};", "b")
    workbook(tmp_path, "xl/worksheets/sheet1.xml", sheet(rows, f"<!DOCTYPE worksheet [{told}]>"))
    with pytest.raises(SourceDataError, match="no whole Excel workbook") as error:
        pages(contacts(tmp_path, "c.xlsx"))
    assert "a secret" not in str(error.value)


def test_columns_without_number_are_refused_before_they_are_compared(tmp_path: Path) -> None:
    began = time.process_time()
    write(tmp_path / "c.csv", ",".join(["id", "name", "email", *(f"c{n}" for n in range(200_000))]) + "\n")
    with pytest.raises(SourceDataError, match=r"200,003 columns are in c\.csv; .* limits\.max_columns"):
        pages(contacts(tmp_path, "c.csv"))
    write(tmp_path / "c.csv", ",".join(f"c{n}" for n in range(16_000)) + "\n")
    with pytest.raises(SourceDataError, match="no column 'id'") as error:
        pages(contacts(tmp_path, "c.csv"))
    assert len(str(error.value)) < 1_000
    wide = {"id": "1", "name": "a", "email": "b"} | {f"k{n}": n for n in range(20_000)}
    write(tmp_path / "c.jsonl", f'{json.dumps(wide)}\n{{"id": "2", "name": "c", "email": "d"}}\n')
    read = pages(contacts(tmp_path, "c.jsonl"))
    assert (ids(read), [reject.reason for reject in rejects(read)]) == (["2"], ["the line has more than 16,384 fields"])
    assert time.process_time() - began < 5


def test_a_number_with_a_giant_exponent_is_not_written_out(tmp_path: Path) -> None:
    write(
        tmp_path / "c.jsonl", '{"id": 1e999999999999, "name": 1e-99999999, "email": "b"}\n{"id": 1e3, "name": "a", "email": "b"}\n'
    )
    read = pages(contacts(tmp_path, "c.jsonl"))
    assert ids(read) == ["1E+999999999999", "1000"]
    assert encode(records(read)[0].payload)[0] == '{"id":1E+999999999999,"name":1E-99999999,"email":"b"}'


def test_objects_that_are_maps_do_not_stay_in_the_memory() -> None:
    _kept_keys.cache_clear()
    for start in range(3):
        encode({f"{start}-{n}": n for n in range(5_000)})
    assert _kept_keys.cache_info().currsize == 0
    encode({"id": 1})
    assert _kept_keys.cache_info().currsize == 1


def test_who_knows_the_file_raises_the_limit(tmp_path: Path) -> None:
    write(tmp_path / "c.csv.gz", gzip.compress(HEAD + b"1,Jane,j@x.example\n" + b"x" * 70 * MEGABYTE, 9))
    with pytest.raises(SourceDataError, match="more than 200 times"):
        pages(limited(tmp_path, "c.csv.gz"))
    assert ids(pages(limited(tmp_path, "c.csv.gz", max_ratio=2000))) == ["1"]
    with pytest.raises(SourceDataError, match="more than 1 MB are packed"):
        pages(limited(tmp_path, "c.csv.gz", max_ratio=2000, max_unpacked_mb=1))
