"""Which fields changed, told from the payloads themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.parts import SCHEMA, Block, table
from connectors.payload import encode
from hub.contract import landed
from tests.connectors.test_columns import columns_of
from warehouse.drift import ENOUGH, MAP_KEYS, observe, remember

NOW = datetime(2026, 9, 21, 12, tzinfo=UTC).replace(tzinfo=None)


class Fields:
    """A stream whose payloads are looked at, reading by reading."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.con, self.folder, self.readings = con, folder, 0

    def read(self, *payloads: Mapping[str, Any]) -> list[str]:
        self.readings += 1
        part = self.folder / f"part-{self.readings}.parquet"
        rows = [
            {"source_record_id": str(n), "op": "upsert", "payload": encode(payload)[0], "payload_hash": "-", "extracted_at": NOW}
            for n, payload in enumerate(payloads)
        ]
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), part)
        seen = observe(self.con, "shop", "orders", [part])
        remember(self.con, "shop", "orders", seen, now=NOW)
        return [str(change) for change in seen.changes]


@pytest.fixture
def fields(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> Fields:
    return Fields(con, tmp_path)


def test_the_first_reading_is_what_others_are_compared_with(fields: Fields) -> None:
    assert fields.read({"id": 1, "name": "a"}) == []
    assert fields.read({"id": 2, "name": "b"}) == []


def test_a_new_field_is_named_once_by_the_outermost_path(fields: Fields) -> None:
    fields.read({"id": 1, "lines": [{"sku": "a"}]})
    assert fields.read({"id": 1, "lines": [{"sku": "a", "gift": True}], "tax": {"id": "x", "country": {"code": "DE"}}}) == [
        "lines[].gift is new (boolean)",
        "tax is new (object)",
    ]
    assert fields.read({"id": 1, "lines": [{"sku": "a", "gift": True}], "tax": {"id": "x"}}) == []


def test_a_field_of_another_type_is_named_and_both_types_are_known_from_then_on(fields: Fields) -> None:
    fields.read({"id": 1, "total": 5, "vip": False, "note": None})
    assert fields.read({"id": 1, "total": "5.00", "vip": False, "note": "hello"}) == ["total was number, now is text"]
    assert fields.read({"id": 1, "total": 7, "vip": {"since": 2020}, "note": None}) == ["vip was boolean, now is object"]
    assert fields.read({"id": 1, "total": "7", "vip": True, "note": 3}) == ["note was text, now is number"]


def test_a_field_that_only_some_hold_as_another_type_is_named_too(fields: Fields) -> None:
    fields.read(*({"n": {"total": 1}} for _ in range(30)))
    assert fields.read(*({"n": {"total": "1" if n == 7 else 1}} for n in range(30))) == ["n.total was number, now is number|text"]
    assert fields.read({"n": {"total": "2"}}) == []


def test_whole_and_fractional_numbers_of_any_size_are_one_type(fields: Fields) -> None:
    fields.read({"n": 1})
    assert fields.read({"n": 1.5}, {"n": -3}, {"n": 10**30}) == []


def test_a_field_that_is_gone_from_all_of_a_fair_number_is_missing(fields: Fields) -> None:
    fields.read(*({"id": n, "name": "a", **({"nick": "b"} if n else {})} for n in range(5)))
    assert fields.read(*({"id": n} for n in range(ENOUGH - 1))) == [], "in so few it may be chance"
    assert fields.read(*({"id": n} for n in range(ENOUGH))) == ["name is missing (was text)"]
    assert fields.read(*({"id": n} for n in range(ENOUGH))) == []


def test_the_keys_of_a_map_are_no_fields(fields: Fields) -> None:
    def metadata(first: int) -> dict[str, int]:
        return {f"key {n}": n for n in range(first, first + MAP_KEYS + 1)}

    fields.read({"id": 1, "metadata": metadata(0)})
    assert fields.read({"id": 1, "metadata": metadata(1_000)}) == []


def test_deletes_and_empty_readings_say_nothing(fields: Fields) -> None:
    fields.read({"id": 1})
    assert fields.read() == []
    assert fields.read({}) == []
    assert fields.read({"id": 1}) == []


def test_what_is_nested_too_deep_to_describe_is_left_out_and_does_no_harm(fields: Fields) -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"in": [deep], "text": "{[{["}
    broad = {"id": 1, "lines": [{"sku": "}", "n": [n]} for n in range(200)]}
    assert fields.read(broad, {"deep": deep}) == []
    assert fields.read({**broad, "gift": 1}, {"deep": deep, "other": 1}) == ["gift is new (number)"]


_VALUES = (
    st.none() | st.text(max_size=3),
    st.none() | st.integers(-(2**70), 2**70) | st.decimals(-(10**9), 10**9, places=3),
    st.none() | st.booleans(),
    st.none(),
)


@st.composite
def _flat_readings(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    readings = []
    for _ in range(3):
        keys = draw(st.lists(st.sampled_from("abcdé"), min_size=1, unique=True))
        payload = st.fixed_dictionaries({key: draw(st.sampled_from(_VALUES)) for key in keys})
        readings.append(draw(st.lists(payload, min_size=1, max_size=3)) * draw(st.sampled_from([1, ENOUGH])))
    return readings


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_flat_readings(), st.uuids())
def test_what_parts_say_of_their_fields_is_what_their_payloads_show(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, readings: list[list[dict[str, Any]]], case: Any
) -> None:
    for payloads in readings:
        made = table([Block(columns_of(payloads), NOW)])
        assert landed.FIELDS in made.schema.metadata
        seen = []
        for way, part in (("told", made), ("read", made.replace_schema_metadata(None))):
            pq.write_table(part, tmp_path / f"{way}.parquet")
            seen.append(observe(con, f"{way} {case}", "orders", [tmp_path / f"{way}.parquet"]))
            remember(con, f"{way} {case}", "orders", seen[-1], now=NOW)
        assert seen[0].fields == seen[1].fields
        assert set(seen[0].changes) == set(seen[1].changes)


def test_columns_beyond_the_number_that_makes_a_map_are_no_fields(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    part = tmp_path / "part.parquet"
    pq.write_table(table([Block(columns_of([{f"k{n}": n for n in range(MAP_KEYS + 1)}]), NOW)]), part)
    assert observe(con, "shop", "orders", [part]).fields == {}


@pytest.mark.parametrize("name", ['a"b', "x'y", "c\\d", "*", "$", "~1/", "a\x00b", "[0]", "'; DROP TABLE t; --", "\u202e", " "])
def test_a_field_of_any_name_may_hold_now_this_and_now_that(con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str) -> None:
    fields = Fields(con, tmp_path)
    fields.read({"id": 1, name: 1, "in": {name: 1}})
    told = fields.read({"id": 1, name: "text", "in": {name: "text"}}, {"id": 2, name: 2, "in": {name: 2}})
    assert told == [f"{name} was number, now is number|text", f"in.{name} was number, now is number|text"]
