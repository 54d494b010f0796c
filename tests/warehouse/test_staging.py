"""Staging types text in one place, turns down what cannot be read, and keeps the last good version of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.mapping import parse_mapping
from expectations import judge_relation
from hub.contract.columns import ORDER, TABLES
from hub.contract.errors import ConfigError
from hub.contract.tables import SQL_TYPE, Column, ColumnType
from tests.warehouse.parts import land, landed, record, stage_stream
from warehouse import raw
from warehouse.candidates import typed, untold
from warehouse.mapped import SourcePlace
from warehouse.staging import Handlers, Staged

NOW = datetime(2026, 1, 2)  # noqa: DTZ001 - stores keep UTC without zone
ORDERS = """
-- stage: orders -> customer_order
SELECT source_record_id, payload->>'$.amount' AS gross_amount, payload->>'$.currency' AS currency, payload->>'$.at' AS ordered_at,
       payload->>'$.customer' AS party_id
FROM src
"""


def no_parties(con: duckdb.DuckDBPyConnection, source: str, target: str) -> None:
    raise AssertionError("these streams have no parties")


def judge(con: duckdb.DuckDBPyConnection, table: str, source: str, target: str) -> None:
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT row_no, 'amount' AS check_id, 'amount cannot be read' AS reason"
        f" FROM {source} WHERE gross_amount IS NULL"
    )


HANDLERS = Handlers(no_parties, judge, "1")
PLACE = SourcePlace("shop", "GB", "Europe/London", ("customers",))


def order(amount: Any = "10.00", **more: Any) -> dict[str, Any]:
    return {"amount": amount, "currency": "gbp", "at": "2026-07-01T12:00:00", "customer": 7} | more


def arrive(con: duckdb.DuckDBPyConnection, root: Path, *records: Any) -> None:
    land(root, list(records))
    raw.load(con, "shop", "orders", landed(root), sync_run_id="run", now=NOW)


def stage(con: duckdb.DuckDBPyConnection, mapping: str = ORDERS, place: SourcePlace = PLACE) -> Staged | None:
    return stage_stream(con, place, "orders", parse_mapping(mapping), HANDLERS, now=NOW)


def orders(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    return dict(con.execute("SELECT source_record_id, gross_amount FROM staging.customer_order ORDER BY ALL").fetchall())


def test_a_fact_is_typed_and_knows_its_party(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, record("1", order(Decimal("12.50"))))
    assert stage(con) == Staged({"customer_order": 1}, {"customer_order": 0})
    row = con.execute(
        "SELECT order_key, party_record_key, gross_amount, currency, ordered_at FROM staging.customer_order"
    ).fetchall()[0]
    # noon in London in July is 11:00 UTC
    assert row == ("shop:orders:1", "shop:customers:7", Decimal("12.5000"), "GBP", datetime(2026, 7, 1, 11))  # noqa: DTZ001


def test_the_echo_of_our_own_writing_makes_a_record_no_newer(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    echo, before, edit = (datetime(2026, 1, day, tzinfo=UTC) for day in (9, 1, 10))
    rows = [[name, echo.replace(tzinfo=None), before.replace(tzinfo=None)] for name in ("1", "2")]
    con.executemany("INSERT INTO ops.writeback_echo VALUES ('shop', 'orders', ?, ?, ?)", rows)
    arrive(con, tmp_path, record("1", order(), at=echo), record("2", order(), at=edit), record("3", order(), at=echo))
    stage(con)
    found = dict(con.execute("SELECT source_record_id, source_updated_at FROM staging.customer_order").fetchall())
    assert {key: at.day for key, at in found.items()} == {"1": 1, "2": 10, "3": 9}


def test_nothing_new_is_nothing_to_do(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, record("1", order()))
    stage(con)
    assert stage(con) is None
    arrive(con, tmp_path, record("1", order()))
    assert stage(con) is None


def test_only_what_arrived_is_staged_again(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, record("1", order()), record("2", order()))
    stage(con)
    arrive(con, tmp_path, record("2", order("11.00")), record("3", order()))
    assert stage(con) == Staged({"customer_order": 2}, {"customer_order": 0})
    assert orders(con) == {"1": Decimal(10), "2": Decimal(11), "3": Decimal(10)}


def test_a_row_that_cannot_be_read_is_turned_down_with_its_reason_and_the_last_good_one_stays(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    arrive(con, tmp_path, record("1", order()))
    stage(con)
    arrive(con, tmp_path, record("1", order("ten")), record("2", order("1,000.00")))
    assert stage(con) == Staged({"customer_order": 0}, {"customer_order": 2})
    assert orders(con) == {"1": Decimal(10)}
    turned_down = con.execute("SELECT source_record_id, check_id, was_new FROM staging.rejected ORDER BY 1").fetchall()
    assert turned_down == [("1", "amount", False), ("2", "amount", True)]
    arrive(con, tmp_path, record("1", order("12.00")))
    stage(con)
    assert orders(con) == {"1": Decimal(12)}
    assert con.execute("SELECT source_record_id FROM staging.rejected").fetchall() == [("2",)]


def test_a_deleted_fact_leaves_staging(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, record("1", order()), record("2", order()))
    stage(con)
    arrive(con, tmp_path, record("1", {}, op="delete"))
    staged = stage(con)
    assert staged is not None
    assert staged.deleted == 1
    assert set(orders(con)) == {"2"}


def test_a_changed_mapping_stages_everything_again(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, record("1", order()), record("2", order()))
    stage(con)
    assert stage(con, ORDERS.replace("'$.amount'", "'$.amount2'")) == Staged({"customer_order": 0}, {"customer_order": 2})
    assert stage(con, ORDERS) == Staged({"customer_order": 2}, {"customer_order": 0})


def test_typing_that_changed_stages_everything_again(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(con, tmp_path, record("1", order()))
    stage(con)
    monkeypatch.setattr("warehouse.staging._TYPING", "another")
    assert stage(con) == Staged({"customer_order": 1}, {"customer_order": 0})
    assert stage(con) is None


@pytest.mark.parametrize("text", ["infinity", "-infinity", "290000-01-01", "0044-03-15 (BC)"])
def test_a_time_that_no_calendar_has_cannot_be_read(con: duckdb.DuckDBPyConnection, tmp_path: Path, text: str) -> None:
    arrive(con, tmp_path, record("1", order(at=text)), record("2", order()))
    assert stage_stream(con, PLACE, "orders", parse_mapping(ORDERS), REALLY, now=NOW) == Staged({ORDER.name: 1}, {ORDER.name: 1})
    assert turned_down(con) == [("1", ORDER.name, "customer_order.ordered_at.unreadable", "ordered_at cannot be read as a time")]


def test_a_day_that_no_calendar_has_does_not_stop_the_others(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    spend = """-- stage: orders -> ad_spend_daily
SELECT source_record_id, payload->>'$.at' AS date_day, payload->>'$.amount' AS spend, payload->>'$.currency' AS currency FROM src
"""
    arrive(con, tmp_path, *(record(day, order(at=day)) for day in ("-infinity", "5000000-01-01", "2026-07-01")))
    assert stage_stream(con, PLACE, "orders", parse_mapping(spend), REALLY, now=NOW) == Staged(
        {"ad_spend_daily": 1}, {"ad_spend_daily": 2}
    )


# a record that is several rows -------------------------------------------------------------------------------------


LINES = """
-- stage: orders -> customer_order
SELECT source_record_id, payload->>'$.amount' AS gross_amount, payload->>'$.currency' AS currency, payload->>'$.at' AS ordered_at
FROM src

-- stage: orders -> order_line
SELECT source_record_id, source_record_id AS order_id, line->>'$.id' AS line_no, payload->>'$.currency' AS currency,
       line->>'$.amount' AS net_amount
FROM (SELECT source_record_id, payload, unnest(from_json(payload->'$.lines', '["JSON"]')) AS line FROM src)
"""


def by_the_rules(con: duckdb.DuckDBPyConnection, table: str, source: str, target: str) -> None:
    judge_relation(con, table, source, key=TABLES[table].key, place="row_no", into=target, in_sql_from=20_000)


REALLY = Handlers(no_parties, by_the_rules, "1")


def lines(*rows: tuple[Any, Any]) -> dict[str, Any]:
    return order(lines=[{"id": id_, "amount": amount} for id_, amount in rows])


def stage_lines(con: duckdb.DuckDBPyConnection) -> Staged | None:
    return stage_stream(con, PLACE, "orders", parse_mapping(LINES), REALLY, now=NOW)


def staged_lines(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    return dict(con.execute("SELECT order_line_key, net_amount FROM staging.order_line ORDER BY ALL").fetchall())


def turned_down(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return con.execute("SELECT source_record_id, target, check_id, reason FROM staging.rejected ORDER BY ALL").fetchall()


def test_a_record_may_be_several_rows_with_keys_of_their_own(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, record("1", lines(("a", "1.00"), ("b", "2.00"))), record("2", lines(("a", "3.00"))), record("3", lines()))
    assert stage_lines(con) == Staged({"customer_order": 3, "order_line": 3}, {"customer_order": 0, "order_line": 0})
    assert staged_lines(con) == {"shop:orders:1:a": Decimal(1), "shop:orders:1:b": Decimal(2), "shop:orders:2:a": Decimal(3)}
    assert turned_down(con) == []


def test_rows_that_a_newer_version_of_a_record_lacks_are_gone(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, record("1", lines(("a", "1.00"), ("b", "2.00"))), record("2", lines(("a", "3.00"))))
    stage_lines(con)
    arrive(con, tmp_path, record("1", lines(("b", "2.50"), ("c", "4.00"))))
    stage_lines(con)
    assert staged_lines(con) == {"shop:orders:1:b": Decimal("2.5"), "shop:orders:1:c": Decimal(4), "shop:orders:2:a": Decimal(3)}
    arrive(con, tmp_path, record("1", {}, op="delete"))
    stage_lines(con)
    assert set(staged_lines(con)) == {"shop:orders:2:a"}


def test_a_row_whose_part_is_missing_or_occurs_twice_is_turned_down_with_its_reason(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    arrive(
        con,
        tmp_path,
        record("1", lines(("a", "1.00"), (None, "2.00"))),
        record("2", lines(("a", "1.00"), ("b", "2.00"), ("b", "2.00"))),
        record("3", lines(("a", "1.00"), (" ", "2.00"), ("b", "3.00"))),
    )
    assert stage_lines(con) == Staged({"customer_order": 3, "order_line": 4}, {"customer_order": 0, "order_line": 4})
    assert set(staged_lines(con)) == {"shop:orders:1:a", "shop:orders:2:a", "shop:orders:3:a", "shop:orders:3:b"}
    assert turned_down(con) == [
        ("1", "order_line", "order_line.order_line_key.missing", "line_no is missing"),
        (
            *("2", "order_line", "order_line.order_line_key.repeated"),
            "line_no occurs more than once in one record (line_no b); 2 rows of it are unfit",
        ),
        ("3", "order_line", "order_line.order_line_key.missing", "line_no is missing"),
    ]


def test_of_a_record_with_bad_rows_the_good_ones_go_on_and_the_last_good_version_of_the_bad_stays(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    arrive(con, tmp_path, record("1", lines(("a", "1.00"), ("b", "2.00"), ("c", "3.00"))))
    stage_lines(con)
    arrive(con, tmp_path, record("1", lines(("a", "1.50"), ("b", "two"), ("d", "many"), (None, "4.00"))))
    assert stage_lines(con) == Staged({"customer_order": 1, "order_line": 1}, {"customer_order": 0, "order_line": 3})
    assert staged_lines(con) == {"shop:orders:1:a": Decimal("1.5"), "shop:orders:1:b": Decimal(2)}
    assert turned_down(con) == [
        (
            *("1", "order_line", "order_line.net_amount.unreadable"),
            "net_amount cannot be read as an amount (line_no b); 3 rows of it are unfit",
        )
    ]
    arrive(con, tmp_path, record("1", lines(("a", "1.50"), ("b", "2.50"))))
    stage_lines(con)
    assert (staged_lines(con), turned_down(con)) == ({"shop:orders:1:a": Decimal("1.5"), "shop:orders:1:b": Decimal("2.5")}, [])


def test_a_mapping_that_yields_no_part_keys_its_rows_by_record(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, record("1", order("5.00")))
    mapping = """
-- stage: orders -> refund
SELECT source_record_id, payload->>'$.amount' AS amount, payload->>'$.currency' AS currency, payload->>'$.at' AS refunded_at
FROM src
"""
    stage_stream(con, PLACE, "orders", parse_mapping(mapping), REALLY, now=NOW)
    assert con.execute("SELECT refund_key, refund_no FROM staging.refund").fetchall() == [("shop:orders:1", None)]


def test_a_mapping_that_yields_an_unknown_column_or_does_not_run_names_itself(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    arrive(con, tmp_path, record("1", order()))
    with pytest.raises(ConfigError, match=r"shop/orders field mapping to customer_order: the mapping yields unknown column colour"):
        stage(con, ORDERS.replace("AS gross_amount", "AS colour"))
    with pytest.raises(ConfigError, match=r"the mapping's SQL fails .*nonsense"):
        stage(con, ORDERS.replace("FROM src", "FROM nonsense"))
    assert stage(con) == Staged({"customer_order": 1}, {"customer_order": 0})


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-07-01T12:00:00Z", "Europe/Berlin", "2026-07-01 12:00:00"),
        ("2026-07-01T12:00:00+02:00", "UTC", "2026-07-01 10:00:00"),
        ("2026-07-01 12:00:00 +0200", "UTC", "2026-07-01 10:00:00"),
        ("2026-07-01T12:00:00-0800", "UTC", "2026-07-01 20:00:00"),
        ("2026-07-01T12:00:00", "Europe/Berlin", "2026-07-01 10:00:00"),
        ("2026-01-01T12:00:00", "Europe/Berlin", "2026-01-01 11:00:00"),
        ("2026-07-01", "Europe/Berlin", "2026-06-30 22:00:00"),
        ("2026-07-01T12:00:00.123456Z", "UTC", "2026-07-01 12:00:00.123456"),
        ("2026-07-01 12:00:00.5 UTC", "Europe/Berlin", "2026-07-01 12:00:00.5"),  # so BigQuery writes times
        ("2026-07-01 12:00:00 gmt", "Europe/Berlin", "2026-07-01 12:00:00"),
        ("2026-07-01 12:00:00z", "Europe/Berlin", "2026-07-01 12:00:00"),
        ("2026-07-01 12:00 America/New_York", "Europe/Berlin", "2026-07-01 16:00:00"),
        ("2026-07-01 12:00:00 Nowhere/Land", "UTC", None),
        ("2026-07-01 01:00:00 PM", "UTC", None),
        ("2026-07-01 01:00:00 p.m.", "UTC", None),
        ("2026-07-01 12:00:00 IST", "UTC", None),  # in India, Israel or Ireland
        ("294247-01-10T04:00:54", "America/New_York", None),
        ("290309-12-22 (BC) 00:00:00", "Asia/Kolkata", None),
        ("01/07/2026", "UTC", None),
        ("soon", "UTC", None),
        ("", "UTC", None),
    ],
)
def test_times_become_utc_by_their_own_zone_or_the_sources(
    con: duckdb.DuckDBPyConnection, text: str, zone: str, utc: str | None
) -> None:
    sql = typed(Column("at", "time"), "s.text")
    found = con.execute(f"SELECT ({sql})::VARCHAR FROM (SELECT ? AS text, ? AS timezone) s", [text, zone]).fetchall()[0][0]
    assert found == utc


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("12.50", "12.5000"),
        (" 12 ", "12.0000"),
        ("-0.01", "-0.0100"),
        ("1e3", "1000.0000"),
        ("1,234.50", None),
        ("12,50", None),
        ("NaN", None),
        ("99999999999999.9999", "99999999999999.9999"),
        ("999999999999999", None),
    ],
)
def test_amounts_are_exact_or_not_read_at_all(con: duckdb.DuckDBPyConnection, text: str, amount: str | None) -> None:
    column = ORDER.column("gross_amount")
    assert column is not None
    found = con.execute(f"SELECT ({typed(column, 's.text')})::VARCHAR FROM (SELECT ? AS text) s", [text]).fetchall()[0][0]
    assert found == amount


@pytest.mark.parametrize("kind", SQL_TYPE)
def test_a_column_that_a_mapping_leaves_out_is_what_one_without_text_is(kind: ColumnType) -> None:
    column = Column("value", kind)
    select = f"SELECT {typed(column, 'NULL::VARCHAR')}, {untold(column)} FROM (SELECT 'UTC' AS timezone) s"
    with duckdb.connect() as con:
        found = con.execute(select)
        assert len({str(description[1]) for description in found.description}) == 1
        assert len(set(found.fetchall()[0])) == 1
