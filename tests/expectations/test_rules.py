"""Row rules: each fails on its row and only there, and says why without the value."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations import check_rows, row_rules
from expectations.rules import RAW, TYPED, Problem
from hub.contract.columns import FACTS, PARTY, TABLES
from hub.contract.errors import GateError
from hub.contract.tables import SQL_TYPE, Column, StagingTable

GOOD = {"amount": "12.50", "spend": "0.123456", "currency": "EUR", "time": "2026-03-01 09:00:00", "date": "2026-03-01"}
BAD: dict[Problem, str | None] = {"missing": None, "unreadable": "ada@lovelace.test", "unknown_currency": "ZZZ", "repeated": "0"}


def staged(table: StagingTable, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as staging hands them in: text typed by DuckDB, beside the text itself. Keys are the row's place unless given."""
    columns = [table.key, *(c.name for c in table.columns)]
    text = pd.DataFrame([{table.key: str(n)} | row for n, row in enumerate(rows)], columns=columns).astype("string")
    with duckdb.connect() as con:
        con.register("text", text)
        return con.execute(f"SELECT {table.key}, {', '.join(_select(c) for c in table.columns)} FROM text").df()


def _select(column: Column) -> str:
    if column.type not in TYPED:
        return f"{column.name}::VARCHAR AS {column.name}"
    read = f"regexp_extract(upper({column.name}), '^[A-Z]{{3}}$')" if column.type == "currency" else column.name
    return f"TRY_CAST(nullif({read}, '') AS {SQL_TYPE[column.type]}) AS {column.name}, {column.name}::VARCHAR AS {column.name}{RAW}"


def good_row(table: StagingTable) -> dict[str, Any]:
    return {c.name: GOOD.get(c.type, "text") for c in table.columns}


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_each_rule_fails_on_its_row_and_only_there(table: StagingTable) -> None:
    rules = row_rules(table.name)
    # row 0 is good; row n breaks rule n; "repeated" takes the key of the good row, which is then repeated too
    rows = [good_row(table)] + [good_row(table) | {rule.column: BAD[rule.problem]} for rule in rules]
    result = check_rows(table.name, staged(table, rows), table.key)
    expected = {(rule.check_id, row) for row, rule in enumerate(rules, start=1)} | {(f"{table.name}.{table.key}.repeated", 0)}
    assert {(failure.check_id, failure.row) for failure in result.failures} == expected
    assert len(result.failures) == len(expected)
    assert [failure.row for failure in result.failures] == sorted(failure.row for failure in result.failures)
    assert result.counts == {rule.check_id: 2 if rule.problem == "repeated" else 1 for rule in rules}
    reasons = {(rule.check_id, rule.column, rule.reason) for rule in rules}
    assert {(failure.check_id, failure.column, failure.reason) for failure in result.failures} == reasons


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_good_rows_and_empty_optional_columns_pass(table: StagingTable) -> None:
    required = {c.name: GOOD.get(c.type, "text") for c in table.columns if c.required}
    result = check_rows(table.name, staged(table, [good_row(table), required]), table.key)
    assert (result.rows, result.failures, set(result.counts.values())) == (2, [], {0})


def test_every_required_column_and_all_money_is_covered() -> None:
    for table in FACTS:
        problems = {(rule.column, rule.problem) for rule in row_rules(table.name)}
        assert {(table.key, "missing"), (table.key, "repeated")} <= problems
        for column in table.columns:
            assert ((column.name, "missing") in problems) == column.required
            money = column.type in ("amount", "spend", "currency")
            read = column.type in TYPED  # of a text there is nothing to read
            assert ((column.name, "unreadable") in problems) == (money or (read and column.required))


def test_a_party_with_bad_values_is_not_quarantined() -> None:
    result = check_rows("party_record", staged(PARTY, [{"birth_date": "31.31.1931", "email": "no@@mail"}]), "record_key")
    assert (result.failures, set(result.counts)) == ([], {"party_record.record_key.missing", "party_record.record_key.repeated"})


def test_a_row_that_breaks_several_rules_is_quarantined_once_for_the_first_and_lists_all() -> None:
    order = TABLES["customer_order"]
    rows = [good_row(order), good_row(order) | {"ordered_at": None, "currency": "EURO", "gross_amount": "ten"}, good_row(order)]
    result = check_rows("customer_order", staged(order, rows), "order_key")
    assert [f.check_id.removeprefix("customer_order.") for f in result.failures] == [
        "ordered_at.missing",
        "currency.unreadable",
        "gross_amount.unreadable",
    ]
    assert [(f.key, f.reason) for f in result.quarantine] == [("1", "ordered_at is missing")]


def test_reasons_name_the_column_and_never_the_value() -> None:
    order = TABLES["customer_order"]
    rows = [good_row(order) | {"gross_amount": "Ada Lovelace", "currency": "ada@lovelace.test", "ordered_at": "Lovelace Day"}]
    result = check_rows("customer_order", staged(order, rows), "order_key")
    assert [f.reason for f in result.failures] == [
        "ordered_at cannot be read as a time",
        "currency cannot be read as a currency code",
        "gross_amount cannot be read as an amount",
    ]
    assert "lovelace" not in repr(result).lower()


def test_currencies_of_today_and_of_old_orders_are_known_and_codes_that_are_no_money_are_not() -> None:
    order = TABLES["customer_order"]
    known, unknown = ["EUR", "JPY", "KWD", "BGN", "HRK", "DEM"], ["XXX", "XTS", "EUU", "BTC"]
    rows = [good_row(order) | {"currency": code, "order_key": code} for code in known + unknown]
    failures = check_rows("customer_order", staged(order, rows), "order_key").failures
    assert [failure.key for failure in failures] == unknown
    assert {failure.reason for failure in failures} == {"currency is no ISO 4217 code"}


def test_rows_without_a_key_are_named_by_their_place() -> None:
    party = [{"record_key": None}, {"record_key": "a"}, {"record_key": None}]
    result = check_rows("party_record", staged(PARTY, party), "record_key")
    assert [(f.row, f.key, f.check_id) for f in result.failures] == [
        (0, None, "party_record.record_key.missing"),
        (2, None, "party_record.record_key.missing"),
    ]


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "date_day": st.sampled_from(["2026-03-01", "someday", None]),
                "currency": st.sampled_from(["EUR", "euro", "ZZZ", None]),
                "spend": st.sampled_from(["1.5", "1,5", None]),
            }
        ),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=10, deadline=None)
def test_exactly_the_rows_that_cannot_be_counted_are_quarantined(rows: list[dict[str, Any]]) -> None:
    countable = [row == {"date_day": "2026-03-01", "currency": "EUR", "spend": "1.5"} for row in rows]
    result = check_rows("ad_spend_daily", staged(TABLES["ad_spend_daily"], rows), "spend_key")
    assert [f.row for f in result.quarantine] == [place for place, counts in enumerate(countable) if not counts]
    assert sum(result.counts.values()) == len(result.failures)


def test_the_frames_own_index_plays_no_part() -> None:
    order = TABLES["customer_order"]
    frame = staged(order, [good_row(order), good_row(order) | {"currency": "ZZZ"}])
    frame.index = pd.Index([7, 7], name="order_key")
    assert [(f.row, f.key) for f in check_rows("customer_order", frame, "order_key").failures] == [(1, "1")]


def test_an_unknown_table_and_a_missing_column_are_errors_of_the_gate() -> None:
    with pytest.raises(GateError, match="no staging table 'orders'"):
        check_rows("orders", pd.DataFrame(), "order_key")
    frame = staged(TABLES["customer_order"], []).drop(columns=["currency", "gross_amount__raw"])
    with pytest.raises(GateError, match="customer_order: the frame lacks currency, gross_amount__raw"):
        check_rows("customer_order", frame, "order_key")


def test_an_empty_frame_is_judged_without_great_expectations() -> None:
    code = """
import sys, pandas
from expectations import check_rows, row_rules
needed = {c for r in row_rules("lead") for c in (r.subject, r.only_where) if c}
result = check_rows("lead", pandas.DataFrame(columns=sorted(needed)), "lead_key")
assert result.rows == 0 and set(result.counts.values()) == {0} and len(result.counts) == 4, result
assert "great_expectations" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
