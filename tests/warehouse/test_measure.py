"""What the gate is told of a load is exact, however it is counted."""

from __future__ import annotations

import duckdb
import pytest

from warehouse.measure import Scope, distinct_keys


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
    scope = Scope(keys={"one": ("k", "l"), "two": ("k",)}, streams=[], live=None, since=None, max_cluster_size=50)
    found = distinct_keys(con, scope)
    assert found.to_dict("records") == [
        {"table": "one", "key_column": "k+l", "rows": len(rows), "distinct_keys": distinct, "null_keys": missing},
        {"table": "two", "key_column": "k", "rows": 0, "distinct_keys": 0, "null_keys": 0},
    ]
