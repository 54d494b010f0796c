"""What the gate is told of a load is exact, however it is counted."""

from __future__ import annotations

import duckdb
import pytest

from warehouse.measure_keys import Grown, distinct_keys


@pytest.mark.parametrize(
    ("rows", "distinct", "missing"),
    [
        ([("a", "b"), ("a", "c"), ("", "ab")], 3, 0),
        ([("a", "b"), ("a", "b"), ("a", "c")], 2, 0),  # the key of one row twice
        ([("a", None), ("a", None), (None, "b"), ("a", "b")], 1, 3),
        ([("ab", "c"), ("a", "bc")], 2, 0),
        ([], 0, 0),
    ],
)
def test_keys_of_several_columns_are_told_apart(
    con: duckdb.DuckDBPyConnection, rows: list[tuple[str | None, str | None]], distinct: int, missing: int
) -> None:
    con.execute("CREATE TABLE golden.one (k VARCHAR, l VARCHAR); CREATE TABLE golden.two (k VARCHAR)")
    for row in rows:
        con.execute("INSERT INTO golden.one VALUES (?, ?)", list(row))
    found = distinct_keys(con, {"one": ("k", "l"), "two": ("k",)})
    assert found.to_dict("records") == [
        {"table": "one", "key_column": "k+l", "rows": len(rows), "distinct_keys": distinct, "null_keys": missing},
        {"table": "two", "key_column": "k", "rows": 0, "distinct_keys": 0, "null_keys": 0},
    ]


KEYS = {"one": ("k", "l")}
PUBLISHED = [("a", "x"), ("a", "y"), ("b", "x"), ("c", "x")]


def grown(con: duckdb.DuckDBPyConnection, rows: list[tuple[str | None, str | None, str]], replaced: int) -> list[list[object]]:
    """What is measured of rows of loads L1 and L2 next to the published ones: by what L2 can have doubled, and by all keys."""
    con.execute("CREATE OR REPLACE TABLE golden.one (k VARCHAR, l VARCHAR, load_id VARCHAR)")
    con.execute("ATTACH IF NOT EXISTS ':memory:' AS past; CREATE SCHEMA IF NOT EXISTS past.golden")
    con.execute("CREATE OR REPLACE TABLE past.golden.one (k VARCHAR, l VARCHAR, load_id VARCHAR)")
    for row in PUBLISHED:
        con.execute("INSERT INTO past.golden.one VALUES (?, ?, 'L1')", list(row))
    for told in rows:
        con.execute("INSERT INTO golden.one VALUES (?, ?, ?)", list(told))
    ways = (Grown("past", "L2", {"one": replaced}), Grown("past", "L2", {}), None)
    return [distinct_keys(con, KEYS, way).to_numpy().tolist()[0] for way in ways]


@pytest.mark.parametrize(
    ("own", "doubled"),
    [
        ([], 0),
        ([("c", "x")], 0),
        ([("c", "x"), ("c", "y")], 0),
        ([("c", "x"), ("c", "x")], 1),  # two rows of the load
        ([("a", "x")], 1),  # one of the load, and one that was left alone
        ([("a", "x"), ("a", "x"), ("b", "x")], 3),
        ([("a", None), (None, "x"), ("c", "x")], 0),
    ],
)
def test_a_key_that_a_load_doubled_is_found_among_its_own_rows(
    con: duckdb.DuckDBPyConnection, own: list[tuple[str | None, str | None]], doubled: int
) -> None:
    rows = [*((*row, "L1") for row in PUBLISHED[:-1]), *((*row, "L2") for row in own)]
    found = grown(con, rows, replaced=1)
    without = sum(None in row for row in own)
    assert found == [["one", "k+l", len(rows), len(rows) - without - doubled, without]] * 3


@pytest.mark.parametrize("replaced", [0, 1, 2])
def test_a_row_doubled_among_those_left_alone_is_found_as_they_are_too_many(con: duckdb.DuckDBPyConnection, replaced: int) -> None:
    rows = [*((*row, "L1") for row in PUBLISHED), ("a", "x", "L1"), ("d", "x", "L2")]
    assert grown(con, rows, replaced) == [["one", "k+l", 6, 5, 0]] * 3
