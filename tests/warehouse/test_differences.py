"""A published file becomes what the candidate is, row for row, by what differs; and it is what the gate judged, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contract.errors import PublishRefusedError
from warehouse import by_hash, differences
from warehouse.connection import published
from warehouse.differences import PublishedTable, RowChanges, apply_changes, content_digest, shapes
from warehouse.publish import publish
from warehouse.settings import WarehouseSettings

CUSTOMER = PublishedTable("golden", "customer", ("customer_id", "kind"), stamped=True)
EDGE = PublishedTable("golden", "edge", ("l", "r"))
LOADS = ("L1", "L2", "L3", "L4")

Row = tuple[Any, ...]
VALUES = st.none() | st.sampled_from(("", "a", "é", "e\u0301"))
KEYS = st.tuples(st.none() | st.sampled_from("pqr"), st.none() | st.sampled_from("xy"))


@pytest.fixture
def files() -> Iterator[duckdb.DuckDBPyConnection]:
    """A working warehouse and an empty published file, both in memory."""
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA golden; ATTACH ':memory:' AS target; CREATE SCHEMA target.golden")
        yield con


def fill(con: duckdb.DuckDBPyConnection, table: PublishedTable, rows: list[Row]) -> None:
    columns = "customer_id VARCHAR, kind VARCHAR, name VARCHAR, tags VARCHAR[], load_id VARCHAR"
    if table is EDGE:
        columns = "l VARCHAR, r VARCHAR, weight DOUBLE"
    con.execute(f"CREATE OR REPLACE TABLE {table} ({columns})")
    for row in rows:
        con.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", list(row))


def content(con: duckdb.DuckDBPyConnection, relation: str) -> list[Row]:
    return con.execute(f"FROM {relation} ORDER BY ALL").fetchall()


def stamped(before: dict[Any, Row], now: dict[Any, Row], load_id: str) -> dict[Any, Row]:
    """The rows of a load with their stamps, as the golden build sets them: the one of before where nothing changed."""
    return {key: (*row, before[key][-1] if key in before and before[key][:-1] == row else load_id) for key, row in now.items()}


@given(
    days=st.lists(st.dictionaries(KEYS, st.tuples(VALUES, st.lists(st.sampled_from("ab"), max_size=2)), max_size=6), max_size=4),
    told=st.none() | st.integers(0, 6),
    many=st.sampled_from((differences._MANY, 0)),
)
@settings(max_examples=60, deadline=None)
def test_a_stamped_table_becomes_the_candidates_and_its_changes_are_counted(
    days: list[dict[Any, Row]], told: int | None, many: int
) -> None:
    """Whether nobody says which rows are gone, or of some, or of all; and whether a table has few rows or many."""
    with duckdb.connect() as con, mock.patch.object(differences, "_MANY", many):
        con.execute("CREATE SCHEMA golden; ATTACH ':memory:' AS target; CREATE SCHEMA target.golden")
        before: dict[Any, Row] = {}
        for load_id, day in zip(LOADS, days, strict=False):
            now = stamped(before, {key: (*key, *values) for key, values in day.items()}, load_id)
            fill(con, CUSTOMER, list(now.values()))
            con.execute("CREATE OR REPLACE TABLE golden.gone (customer_id VARCHAR, kind VARCHAR)")
            for key in [*(before.keys() - now.keys())][: told or 0]:
                con.execute("INSERT INTO golden.gone VALUES (?, ?)", list(key))
            gone = {} if told is None else {"golden.customer": "golden.gone"}
            found = apply_changes(con, [CUSTOMER], shapes(con), load_id=load_id, gone=gone).changes["customer"]
            assert content(con, "target.golden.customer") == content(con, "golden.customer")
            digests = {content_digest(con, [CUSTOMER], load_id=load_id, catalog=catalog) for catalog in ("", "target.")}
            assert len(digests) == 1
            changed = sum(now[key] != before[key] for key in now.keys() & before.keys())
            assert found == RowChanges(len(now), len(now.keys() - before.keys()), changed, len(before.keys() - now.keys()))
            before = now


@given(
    days=st.lists(st.lists(st.tuples(VALUES, VALUES, st.none() | st.sampled_from((0.5, 0.25))), max_size=6), max_size=4),
    few=st.sampled_from((by_hash._FEW, -1)),
)
@settings(max_examples=60, deadline=None)
def test_a_table_without_stamps_becomes_the_candidates_even_with_rows_twice(days: list[list[Row]], few: int) -> None:
    """Also one of so many rows that they are not looked at before they are compared one by one."""
    with duckdb.connect() as con, mock.patch.object(by_hash, "_FEW", few):
        con.execute("CREATE SCHEMA golden; ATTACH ':memory:' AS target; CREATE SCHEMA target.golden")
        for day in days:
            fill(con, EDGE, [*day, *day[:1]])
            done = apply_changes(con, [EDGE], shapes(con), load_id="L1")
            assert done.changes == {}
            digests = {content_digest(con, [EDGE], load_id="L1", catalog="target.", known=known) for known in (done.contents, None)}
            assert digests == {content_digest(con, [EDGE], load_id="L1")}
            assert sorted(set(content(con, "target.golden.edge")), key=repr) == sorted(set(content(con, "golden.edge")), key=repr)
            assert len(content(con, "target.golden.edge")) == len(content(con, "golden.edge"))


def test_a_key_that_occurs_twice_is_published_as_it_is(files: duckdb.DuckDBPyConnection) -> None:
    """Such a load is held, but somebody may answer for it."""
    fill(files, CUSTOMER, [("p", "x", "a", [], "L1")])
    apply_changes(files, [CUSTOMER], shapes(files), load_id="L1")
    fill(files, CUSTOMER, [("p", "x", "a", [], "L1"), ("p", "x", "b", [], "L2")])
    apply_changes(files, [CUSTOMER], shapes(files), load_id="L2")
    assert content(files, "target.golden.customer") == content(files, "golden.customer")


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ([("a", "b", 1.0)] * 2 + [("c", "d", 1.0)], [("a", "b", 1.0)] + [("c", "d", 1.0)] * 2),  # the same rows, as many
        ([("a", "b", 1.0)], [("a", "b", 1.0)] * 2),
    ],
)
def test_rows_that_occur_another_number_of_times_are_no_known_content(
    files: duckdb.DuckDBPyConnection, before: list[Row], now: list[Row]
) -> None:
    fill(files, EDGE, before)
    apply_changes(files, [EDGE], shapes(files), load_id="L1")
    fill(files, EDGE, now)
    assert apply_changes(files, [EDGE], shapes(files), load_id="L2").contents == {}
    assert content(files, "target.golden.edge") == content(files, "golden.edge")


def test_only_what_changed_is_written(files: duckdb.DuckDBPyConnection) -> None:
    fill(files, CUSTOMER, [(f"c{n}", None, "a", [], "L1") for n in range(50)])
    apply_changes(files, [CUSTOMER], shapes(files), load_id="L1")
    places = dict(files.execute("SELECT customer_id, rowid FROM target.golden.customer").fetchall())
    files.execute("UPDATE golden.customer SET name = 'b', load_id = 'L2' WHERE customer_id = 'c7'")
    done = apply_changes(files, [CUSTOMER], shapes(files), load_id="L2")
    assert done.changes == {"customer": RowChanges(50, 0, 1, 0)}
    moved = dict(files.execute("SELECT customer_id, rowid FROM target.golden.customer").fetchall())
    assert {key for key, place in moved.items() if place != places[key]} == {"c7"}


def judged(con: duckdb.DuckDBPyConnection, load_id: str) -> None:
    con.execute("CREATE TABLE IF NOT EXISTS quality.gate_decision (load_id VARCHAR, decision VARCHAR, content_digest VARCHAR)")
    digest = content_digest(con, [CUSTOMER], load_id=load_id)
    con.execute("INSERT INTO quality.gate_decision VALUES (?, 'pass', ?)", [load_id, digest])


def put(con: duckdb.DuckDBPyConnection, settings: WarehouseSettings, load_id: str) -> dict[str, RowChanges]:
    return publish(con, settings, load_id=load_id, judged=[CUSTOMER], carried=[], views=[])


def seen(settings: WarehouseSettings) -> list[Row]:
    with published(settings) as con:
        return con.execute("SELECT customer_id, name, load_id FROM golden.customer ORDER BY ALL").fetchall()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE golden.customer SET name = 'Eve', load_id = 'L2' WHERE customer_id = 'p'",
        "UPDATE golden.customer SET name = 'Eve' WHERE customer_id = 'q'",  # a row of this load
        "DELETE FROM golden.customer WHERE customer_id = 'p'",
        "INSERT INTO golden.customer VALUES ('r', 'x', 'Eve', [], 'L1')",
    ],
)
def test_what_changed_after_the_verdict_is_not_published(
    con: duckdb.DuckDBPyConnection, settings: WarehouseSettings, change: str
) -> None:
    fill(con, CUSTOMER, [("p", "x", "Ann", [], "L1")])
    judged(con, "L1")
    put(con, settings, "L1")
    fill(con, CUSTOMER, [("p", "x", "Ann", [], "L1"), ("q", "x", "Bob", [], "L2")])
    judged(con, "L2")
    con.execute(change)
    with pytest.raises(PublishRefusedError, match="changed after the gate judged it"):
        put(con, settings, "L2")
    assert seen(settings) == [("p", "Ann", "L1")]
    assert not [name for (name,) in con.execute("SELECT database_name FROM duckdb_databases()").fetchall() if name == "target"]


def test_stamps_that_the_published_load_does_not_know_do_no_harm(
    con: duckdb.DuckDBPyConnection, settings: WarehouseSettings
) -> None:
    fill(con, CUSTOMER, [("p", "x", "Ann", [], "L1"), ("q", "x", "Bob", [], "L1")])
    judged(con, "L1")
    put(con, settings, "L1")
    fill(con, CUSTOMER, [("p", "x", "Ann", [], "L0"), ("q", "x", "Bob", [], "L1")])
    judged(con, "L2")
    put(con, settings, "L2")
    assert seen(settings) == [("p", "Ann", "L0"), ("q", "Bob", "L1")]


@pytest.mark.parametrize("many", [differences._MANY, 0])
def test_what_is_wrongly_said_to_be_gone_is_published(
    con: duckdb.DuckDBPyConnection, settings: WarehouseSettings, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(differences, "_MANY", many)
    fill(con, CUSTOMER, [("p", "x", "Ann", [], "L1"), ("q", "x", "Bob", [], "L1")])
    judged(con, "L1")
    put(con, settings, "L1")
    fill(con, CUSTOMER, [("p", "x", "Ann", [], "L1")])
    con.execute("CREATE TABLE golden.gone AS SELECT customer_id, kind FROM golden.customer")
    judged(con, "L2")
    publish(con, settings, load_id="L2", judged=[CUSTOMER], carried=[], views=[], gone={"golden.customer": "golden.gone"})
    assert seen(settings) == [("p", "Ann", "L1")]


def test_what_changed_is_known_before_the_tables_that_tell_of_it_are_written(
    con: duckdb.DuckDBPyConnection, settings: WarehouseSettings
) -> None:
    told = PublishedTable("golden", "told", ("n",))
    con.execute("CREATE TABLE golden.told (n BIGINT)")
    fill(con, CUSTOMER, [("p", "x", "Ann", [], "L1")])
    judged(con, "L1")

    def settle(changes: Any) -> None:
        con.execute("INSERT INTO golden.told VALUES (?)", [changes["customer"].inserted])

    done = publish(con, settings, load_id="L1", judged=[CUSTOMER], carried=[told], views=[], settle=settle)
    assert done == {"customer": RowChanges(1, 1, 0, 0)}
    with published(settings) as reader:
        assert reader.execute("FROM golden.told").fetchall() == [(1,)]
