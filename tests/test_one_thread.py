"""Connections of a test have one thread unless the test asks for more."""

from __future__ import annotations

import os

import duckdb
import pytest

THREADS = "SELECT current_setting('threads')"


@pytest.fixture
def made() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def test_a_connection_has_one_thread_unless_it_says_more(made: duckdb.DuckDBPyConnection) -> None:
    assert made.execute(THREADS).fetchall() == [(1,)]
    assert duckdb.connect(config={"threads": 3}).execute(THREADS).fetchall() == [(3,)]


@pytest.mark.skipif((os.cpu_count() or 1) == 1, reason="one core has one thread either way")
@pytest.mark.all_cores
def test_a_test_that_asks_for_all_cores_has_them_in_its_fixtures_too(made: duckdb.DuckDBPyConnection) -> None:
    assert made.execute(THREADS).fetchall()[0][0] > 1
    assert duckdb.connect().execute(THREADS).fetchall()[0][0] > 1
