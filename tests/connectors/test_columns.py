"""Records that come as columns are written as they would be one by one, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import connectors.landing as landing_module
from connectors.column_records import TIME, ColumnRecords
from connectors.columns import of_strings, of_values, payload_texts
from connectors.contract import Page, Record, Reject
from connectors.landing import PartWriter, StreamLanding
from connectors.payload import encode
from hub.contract import landed
from hub.contract.errors import WarehouseAccessError
from tests.connectors.test_payload import _TREE

_ODD = st.text(alphabet='"\\\x00\x1f\x7f\n\tab é\u2028\U0001f600')
_KEYS = st.lists(st.text(max_size=4) | st.text(alphabet='"\\\ud800aé', max_size=3), min_size=1, max_size=6, unique=True)
# columns of one type, where whole columns are written at once, and of any
_SHAPES = (
    st.none() | st.text() | _ODD | st.text(alphabet="\ud800\udc00aé"),
    st.none() | st.integers(),
    st.none() | st.booleans(),
    st.none()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.integers(),
    st.none(),
    _TREE,
)


@st.composite
def _tables(draw: st.DrawFn) -> list[dict[str, Any]]:
    keys, count = draw(_KEYS), draw(st.integers(1, 5))
    columns = [draw(st.lists(draw(st.sampled_from(_SHAPES)), min_size=count, max_size=count)) for _ in keys]
    return [dict(zip(keys, values, strict=True)) for values in zip(*columns, strict=True)]


def columns_of(payloads: list[dict[str, Any]]) -> ColumnRecords:
    columns = {key: of_values([payload[key] for payload in payloads]) for key in payloads[0]}
    ids = pa.array([str(number) for number in range(len(payloads))], pa.string())
    return ColumnRecords(ids, columns, pa.nulls(len(payloads), TIME))


@settings(deadline=None)
@given(_tables())
def test_columns_are_encoded_as_their_records_are(payloads: list[dict[str, Any]]) -> None:
    records = columns_of(payloads)
    assert list(zip(records.texts.to_pylist(), records.hashes.to_pylist(), strict=True)) == [
        encode(payload) for payload in payloads
    ]


@settings(deadline=None)
@given(_tables())
def test_as_a_sequence_they_are_records_that_are_encoded_the_same_again(payloads: list[dict[str, Any]]) -> None:
    records = columns_of(payloads)
    assert [encode(record.payload) for record in records] == [encode(payload) for payload in payloads]
    assert [record.id for record in records[-2:]] == [str(number) for number in range(len(payloads))][-2:]


@settings(deadline=None)
@given(st.lists(st.none() | _ODD, min_size=4, max_size=12))
def test_a_part_of_an_array_is_escaped_by_itself(values: list[str | None]) -> None:
    column = of_strings(pa.array(values, pa.string())[1:-1])
    assert payload_texts({"v": column}).to_pylist() == [encode({"v": value})[0] for value in values[1:-1]]


def writer(root: Path) -> PartWriter:
    landing = StreamLanding(root, "shop", "orders")
    return PartWriter(landing, sync_run_id="r", follows=None, seq=1, begins=True, owes_end=False, snapshot=False)


def rows(root: Path) -> list[dict[str, Any]]:
    parts = StreamLanding(root, "shop", "orders").parts()
    return [{**row, "extracted_at": None} for part in parts for row in pq.read_table(part).to_pylist()]


def test_they_land_as_records_do_in_the_order_in_which_pages_came(tmp_path: Path) -> None:
    changed = [datetime(2026, 1, 1, tzinfo=UTC), None, datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)]
    payloads = [{"id": n, "b": ["x", None, 'q"'][n]} for n in range(3)]
    columns = columns_of(payloads)
    gone = ColumnRecords(columns.ids, columns.columns, pa.array(changed, TIME), pa.array([False, True, False]))
    ops = ("upsert", "delete", "upsert")
    one_by_one = [Record(str(n), payloads[n], changed[n], ops[n]) for n in range(3)]  # type: ignore[arg-type]
    alone, reject = Record("9", {"id": 9}), Reject("?", "it is no record", "page 2")
    for folder, records in (("columns", gone), ("records", one_by_one)):
        parts = writer(tmp_path / folder)
        parts.add(Page([alone], {"n": 1}))
        parts.add(Page(records, {"n": 2}, [reject]))
        parts.finish()
    assert [row["source_record_id"] for row in rows(tmp_path / "columns")] == ["9", "0", "1", "2", "page 2"]
    assert rows(tmp_path / "columns") == rows(tmp_path / "records")


def test_a_part_of_columns_says_its_fields_and_one_that_holds_other_records_does_not(tmp_path: Path) -> None:
    def said(*pages: Any) -> Any:
        parts = writer(tmp_path)
        for page in pages:
            parts.add(Page(page, {"n": 1}))
        parts.finish()
        return pq.read_schema(StreamLanding(tmp_path, "shop", "orders").parts()[0]).metadata.get(landed.FIELDS)

    flat, nested = columns_of([{"a": 1, "b": None}, {"a": 2, "b": None}]), columns_of([{"a": [1]}])
    assert said(flat, columns_of([{"a": "x", "c": True}])) == (
        b'{"payloads": 3, "fields": {"a": [["number", "text"], 3], "b": [["null"], 2], "c": [["boolean"], 1]}}'
    )
    assert said(flat, nested) is None
    assert said(flat, [Record("7", {"a": 1})]) is None


def test_when_a_part_cannot_be_written_none_lands_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = StreamLanding.write

    def full(self: StreamLanding, pieces: Any, info: Any) -> Path:
        if info.seq == 2:
            raise WarehouseAccessError("no space left")
        return write(self, pieces, info)

    monkeypatch.setattr(landing_module, "PART_ROWS", 1)
    monkeypatch.setattr(StreamLanding, "write", full)
    parts = writer(tmp_path)
    with pytest.raises(WarehouseAccessError):  # noqa: PT012 - at which page it shows is not promised
        for number in range(1, 4):
            parts.add(Page(columns_of([{"a": number}]), {"n": number}))
        parts.finish()
    parts.flush()
    landing = StreamLanding(tmp_path, "shop", "orders")
    assert [landing.info(part).checkpoint for part in landing.parts()] == [{"n": 1}]
