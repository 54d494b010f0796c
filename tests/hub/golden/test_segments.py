"""Segments: what a condition may say, and who entered and left when."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from hub.contract.errors import ConfigError
from hub.golden.conditions import check_condition
from hub.golden.segments import check_segments, rule_hash, segment_columns
from tests.hub.golden.helpers import as_live, ask, build, customers, day, order
from tests.hub.parties import assign

A, B = "shop:customers:1", "shop:customers:2"
SPENDERS = {"spenders": "ltv_base >= 10"}


@pytest.mark.parametrize(
    "condition",
    [
        "ltv_base >= 1000 AND country_code IN ('DE', 'AT')",
        "list_contains(source_systems, 'shopify') AND NOT is_test",
        "last_order_at < as_of_date - INTERVAL 90 DAY",
        "CASE WHEN party_type = 'company' THEN ltv_base > 5000 ELSE orders BETWEEN 3 AND 9 END",
        "lower(city) LIKE 'ber%' -- with a word on why",
        "coalesce(rfm_segment, '') = 'champions'",
    ],
)
def test_conditions_that_are_understood(condition: str) -> None:
    check_condition(condition, segment_columns())


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("ltv_bse > 1", "no column 'ltv_bse'; did you mean 'ltv_base'"),
        ("golden.customer.email = 'x'", "no column 'golden.customer.email'"),
        ("last_order_at < current_date", "no column 'current_date'; did you mean 'as_of_date'"),
        ("orders", "must be true or false, this is BIGINT"),
        ("orders > 'many'", "Could not convert string"),
        ("customer_id IN (SELECT customer_id FROM golden.customer)", "a subquery is not allowed"),
        ("EXISTS (FROM read_csv('/etc/passwd'))", "a subquery is not allowed"),
        ("sum(orders) > 1", "'sum' is not allowed"),
        ("row_number() OVER () = 1", "a window function is not allowed"),
        ("random() < 0.5", "'random' is not allowed"),
        ("now() > last_order_at", "'now' is not allowed"),
        ("getenv('HOME') = ''", "'getenv'"),
        ("getvariable('x') = 1", "'getvariable' is not allowed"),
        ("read_text('/etc/passwd') = ''", "'read_text' is not allowed"),
        ("no_such(orders) = 1", "there is no function 'no_such'"),
        ("list_filter(source_systems, lambda x: x = 'a') = []", "a lambda is not allowed"),
        ("true) AS a, (true", "not one SQL expression"),
        ("true WHERE EXISTS (FROM read_csv('/etc/passwd'))", "stands by itself"),
        ("true FROM golden.customer", "stands by itself"),
        ("true AS vip", "leave out AS"),
        ("true; DROP TABLE golden.customer", "not one SQL expression"),
        ("orders > $1", "a parameter is not allowed"),
        ("*", r"\* is not allowed"),
        ("  ", "is empty"),
    ],
)
def test_conditions_that_are_refused_say_why(condition: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_condition(condition, segment_columns())


def test_a_segment_is_named() -> None:
    with pytest.raises(ValueError, match=r"segment 'vip': there is no column 'x'"):
        check_segments({"vip": "x > 1"})
    with pytest.raises(ValueError, match="segment 'Big Spenders': the name needs"):
        check_segments({"Big Spenders": "orders > 1"})


def test_the_columns_of_a_condition_are_those_of_customer_360(con: duckdb.DuckDBPyConnection) -> None:
    build(con)
    shape = dict(ask(con, "SELECT column_name, column_type FROM (DESCRIBE golden.customer_360) WHERE column_name <> 'load_id'"))
    written = "\n".join(["column,type", *(f'{n},"{t}"' if "," in t else f"{n},{t}" for n, t in shape.items())])
    assert segment_columns() == shape, f"hub/golden/customer_360_columns.csv must be:\n{written}"


def members(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return ask(con, "SELECT segment_key, customer_id, entered_at, exited_at FROM golden.segment_member ORDER BY ALL")


def load(con: duckdb.DuckDBPyConnection, now: datetime, segments: dict[str, str], live: str | None) -> str:
    build(con, f"L{now}", now=now, live=live, segments=segments)
    return as_live(con)


def test_who_enters_and_leaves_is_kept(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [A], "c_2": [B]})
    order(con, 1, A)
    order(con, 2, B, gross_amount=Decimal(3))
    live = load(con, day(1), SPENDERS, None)
    assert members(con) == [("spenders", "c_1", day(1), None)]
    order(con, 3, B, ordered_at=day(2))
    live = load(con, day(2), SPENDERS, live)
    assert members(con) == [("spenders", "c_1", day(1), None), ("spenders", "c_2", day(2), None)]
    con.execute("UPDATE staging.customer_order SET refund_amount = gross_amount WHERE order_key = 'shop:orders:1'")
    live = load(con, day(3), SPENDERS, live)
    assert members(con)[0] == ("spenders", "c_1", day(1), day(3))
    # nothing happened: not a row changes
    deltas = build(con, "L9", now=day(4), live=live, segments=SPENDERS)["segment_member"]
    assert (deltas.inserted, deltas.changed, deltas.removed) == (0, 0, 0)
    con.execute("UPDATE staging.customer_order SET refund_amount = NULL")
    live = load(con, day(5), SPENDERS, live)
    assert members(con) == [
        ("spenders", "c_1", day(1), day(3)),
        ("spenders", "c_1", day(5), None),
        ("spenders", "c_2", day(2), None),
    ]


def test_a_condition_that_a_customer_does_not_fit_is_named(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [A]})
    with pytest.raises(ConfigError, match=r"segments\.numbered.*Could not convert.*TRY_CAST"):
        build(con, segments={"spenders": "orders > 0", "numbered": "CAST(status AS INTEGER) > 0"})


def test_a_changed_rule_and_a_removed_segment_close_and_open(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [A]})
    order(con, 1, A)
    live = load(con, day(1), SPENDERS, None)
    live = load(con, day(2), {"spenders": "ltv_base > 9", "orders": "orders >= 1"}, live)
    assert members(con) == [
        ("orders", "c_1", day(2), None),
        ("spenders", "c_1", day(1), day(2)),
        ("spenders", "c_1", day(2), None),
    ]
    hashes = ask(con, "SELECT DISTINCT rule_hash FROM golden.segment_member WHERE segment_key = 'spenders'")
    assert {row[0] for row in hashes} == {rule_hash("ltv_base >= 10"), rule_hash("ltv_base > 9")}
    load(con, day(3), {}, live)
    assert [row for row in members(con) if row[3] is None] == []


def test_a_merged_customer_leaves_and_a_held_load_leaves_no_trace(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [A], "c_2": [B]})
    order(con, 1, A)
    order(con, 2, B)
    live = load(con, day(1), SPENDERS, None)
    assign(con, {"c_1": [A, B]})
    build(con, "held", now=day(2), live=live, segments=SPENDERS)  # and never published
    load(con, day(3), SPENDERS, live)
    assert members(con) == [("spenders", "c_1", day(1), None), ("spenders", "c_2", day(1), day(3))]
