"""The row rules in SQL find exactly what Great Expectations finds in a frame, row by row and rule by rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations import check_rows, failing_rows_sql, judge_relation, row_rules, row_sql
from expectations.engine import validate
from hub.contract.columns import TABLES
from hub.contract.errors import GateError
from hub.contract.tables import StagingTable
from tests.expectations.test_rules import GOOD, good_row, staged

Row = dict[str, Any]
# é in two spellings, which are two keys; a NUL; blanks; what a currency may look like
WORDS = (
    "",
    " ",
    "a",
    "A",
    "é",
    "e\u0301",
    "a\x00b",
    "😀",
    "ZZZ",
    "eur",
    "EUR",
    "nan",
    "NULL",
    "0",
    "-0.00",
    "1e3",
    "12,50",
    "9" * 30,
)
VALUES = st.none() | st.sampled_from(WORDS + tuple(GOOD.values())) | st.text(st.characters(exclude_categories=("Cs",)), max_size=4)


def rows_of(table: StagingTable) -> st.SearchStrategy[list[Row]]:
    """Rows of a table, most of their columns good, with keys that repeat or are missing."""
    judged = [c for c in table.columns if c.required or c.type in GOOD]
    keys = st.none() | st.sampled_from(("k1", "k2", "é", "e\u0301", "", " ")) | st.integers(0, 99).map(str)
    row = st.fixed_dictionaries({table.key: keys}, optional={c.name: VALUES | st.just(GOOD.get(c.type, "text")) for c in judged})
    return st.lists(row.map(lambda told: good_row(table) | told), max_size=40)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def laid_out(con: duckdb.DuckDBPyConnection, table: StagingTable, rows: list[Row]) -> Any:
    """The rows as staging has them, as relation `candidate` with the number of each, and as a frame."""
    frame = staged(table, rows)
    con.register("rows", staged(table, rows or [good_row(table)]))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE candidate AS SELECT row_number() OVER () - 1 AS row_no, * FROM rows LIMIT {len(rows)}"
    )
    con.unregister("rows")
    return frame


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_sql_finds_what_great_expectations_finds(con: duckdb.DuckDBPyConnection, table: StagingTable, data: st.DataObject) -> None:
    frame = laid_out(con, table, data.draw(rows_of(table)))
    wanted: dict[int, tuple[str | None, list[str]]] = {}
    for failure in check_rows(table.name, frame, table.key).failures:
        wanted.setdefault(failure.row, (failure.key, []))[1].append(failure.check_id)
    select = failing_rows_sql(table.name, "candidate", key=table.key, place="row_no")
    found = con.execute(select).fetchall()
    rules = row_rules(table.name)
    assert {row: (key, [rules[number - 1].check_id for number in broken]) for row, key, broken in found} == wanted
    assert len(found) == len(wanted)


@given(rows=rows_of(TABLES["customer_order"]))
@settings(max_examples=5, deadline=None)
def test_both_ways_quarantine_the_same_rows_for_the_same_reasons(con: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    laid_out(con, TABLES["customer_order"], rows)
    for into, in_sql_from in (("by_frame", 1_000_000), ("by_sql", 0)):
        judge_relation(con, "customer_order", "candidate", key="order_key", place="row_no", into=into, in_sql_from=in_sql_from)
    by_frame, by_sql = (con.execute(f"FROM {into} ORDER BY row_no").fetchall() for into in ("by_frame", "by_sql"))
    assert by_frame == by_sql
    described = [[column[:2] for column in con.execute(f"DESCRIBE {into}").fetchall()] for into in ("by_frame", "by_sql")]
    assert described[0] == described[1] == [("row_no", "BIGINT"), ("check_id", "VARCHAR"), ("reason", "VARCHAR")]


def test_a_row_is_quarantined_once_for_the_first_rule_it_broke(con: duckdb.DuckDBPyConnection) -> None:
    order = TABLES["customer_order"]
    bad = {"ordered_at": None, "currency": "EURO", "gross_amount": "ten"}
    laid_out(con, order, [good_row(order), good_row(order) | bad, good_row(order) | {"currency": "ZZZ"}])
    judge_relation(con, "customer_order", "candidate", key="order_key", place="row_no", into="faulty", in_sql_from=3)
    assert con.execute("FROM faulty ORDER BY row_no").fetchall() == [
        (1, "customer_order.ordered_at.missing", "ordered_at is missing"),
        (2, "customer_order.currency.unknown_currency", "currency is no ISO 4217 code"),
    ]


def test_from_which_size_on_sql_judges_is_a_setting(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    order, asked = TABLES["customer_order"], []
    laid_out(con, order, [good_row(order)] * 3)
    monkeypatch.setattr("expectations.row_sql.check_rows", lambda *given: asked.append(given) or check_rows(*given))
    for in_sql_from, frames in ((3, 0), (4, 1)):
        judge_relation(con, "customer_order", "candidate", key="order_key", place="row_no", into="f", in_sql_from=in_sql_from)
        assert len(asked) == frames


def test_what_great_expectations_judges_otherwise_than_counted_is_an_error_of_the_gate(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = TABLES["customer_order"]
    laid_out(con, order, [good_row(order) | {"currency": "ZZZ"}])
    monkeypatch.setattr("expectations.row_sql._failed", lambda counts: set())
    with pytest.raises(GateError, match="customer_order"):
        judge_relation(con, "customer_order", "candidate", key="order_key", place="row_no", into="f", in_sql_from=0)


def test_great_expectations_is_asked_once_for_the_same_counts(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, asked = TABLES["customer_order"], []
    monkeypatch.setattr("expectations.row_sql.validate", lambda *given: asked.append(given) or validate(*given))
    row_sql._failing.cache_clear()
    for bad in (0, 0, 2, 2, 3):
        laid_out(con, order, [good_row(order)] + [good_row(order) | {"currency": "ZZZ"}] * bad)
        judge_relation(con, "customer_order", "candidate", key="order_key", place="row_no", into="f", in_sql_from=0)
        assert con.execute("SELECT count(*) FROM f").fetchall() == [(bad,)]
    assert len(asked) == 3
