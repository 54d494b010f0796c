"""Parquet files with many row groups, large values, and values that cannot be read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.files import parquet as files_parquet
from hub.contract.errors import SourceDataError
from tests.connectors.files_kit import contacts, ids, pages, records, rejects


def test_reading_resumes_in_the_row_group_where_it_broke_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_parquet, "BATCH_ROWS", 40)
    table = pa.table({"id": [str(n) for n in range(1_000)], "name": ["Zoë"] * 1_000, "email": [None] * 1_000})
    pq.write_table(table, tmp_path / "c.parquet", row_group_size=300)
    source = contacts(tmp_path, "c.parquet")
    whole = pages(source)
    assert ids(whole) == [str(n) for n in range(1_000)]
    assert len(whole) > 20
    for number, page in enumerate(whole):
        assert ids(whole[: number + 1]) + ids(pages(source, page.checkpoint)) == ids(whole)


def test_pages_of_large_values_hold_few_rows(tmp_path: Path) -> None:
    large = ["x" * 500_000 + str(n % 3) for n in range(60)]  # few different values: small in the file
    pq.write_table(pa.table({"id": [str(n) for n in range(60)], "name": large, "email": large}), tmp_path / "c.parquet")
    read = pages(contacts(tmp_path, "c.parquet"))
    assert ids(read) == [str(n) for n in range(60)]
    assert max(len(page.records) for page in read) <= 10


def test_a_value_that_cannot_be_read_costs_its_row(tmp_path: Path) -> None:
    spoilt = pa.Array.from_buffers(
        pa.string(), 3, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\3\0\0\0\4\0\0\0"), pa.py_buffer(b"a\xff\xfeb")]
    )
    far = pa.array([0, 0, 2**60], pa.int64()).cast(pa.timestamp("us"))
    table = pa.table({"id": ["1", "2", "3"], "name": spoilt, "email": ["a@x.example", "b@x.example", "c@x.example"], "at": far})
    pq.write_table(table, tmp_path / "c.parquet")
    read = pages(contacts(tmp_path, "c.parquet"))
    assert ids(read) == ["1"]
    assert records(read)[0].payload["at"] == datetime(1970, 1, 1).isoformat()  # noqa: DTZ001 - the file names no zone
    assert [(reject.where, reject.reason) for reject in rejects(read)] == [
        ("c.parquet:2", "column name holds a value that cannot be read"),
        ("c.parquet:3", "column at holds a value that cannot be read"),
    ]
    assert "b@x.example" in rejects(read)[0].content


def test_a_column_that_is_there_twice_loses_no_value_unless_it_is_asked_for(tmp_path: Path) -> None:
    arrays = [pa.array([value]) for value in ("1", "Zoë", "z@x.example", "a", "b")]
    pq.write_table(pa.table(arrays, names=["id", "name", "email", "note", "note"]), tmp_path / "c.parquet")
    (record,) = records(pages(contacts(tmp_path, "c.parquet")))
    assert dict(record.payload) == {"id": "1", "name": "Zoë", "email": "z@x.example", "note": "a", "note_5": "b"}
    pq.write_table(pa.table(arrays, names=["id", "name", "email", "x", "name"]), tmp_path / "c.parquet")
    with pytest.raises(SourceDataError, match=r"two columns are called 'name' in c\.parquet; rename one of them"):
        pages(contacts(tmp_path, "c.parquet"))
