"""Base currency: which rate converts a fact, when there is none, and ways of quoting."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contract.errors import ConfigError
from tests.hub.golden.helpers import ask, build, day, fact, one, order, rates
from tests.hub.parties import T0, warehouse

DAY = T0.date()


def base_of(con: duckdb.DuckDBPyConnection, id_: int = 1) -> Any:
    return one(con, "SELECT net_amount_base FROM golden.customer_order WHERE source_record_id = ?", str(id_))


@pytest.mark.parametrize(
    ("quotes", "expected"),
    [
        ([(DAY, "GBP", "EUR", "1.2")], "12"),  # as quoted
        ([(DAY, "EUR", "GBP", "0.8")], "12.5"),  # the other way round
        ([(DAY, "EUR", "GBP", "0.8"), (DAY, "GBP", "EUR", "1.2")], "12"),  # the pair's own quote beats its reverse
        ([(DAY - timedelta(days=7), "GBP", "EUR", "1.3")], "13"),  # a week old
        ([(DAY - timedelta(days=8), "GBP", "EUR", "1.3")], None),  # too old
        ([(DAY + timedelta(days=1), "GBP", "EUR", "1.3")], None),  # tomorrow's is not known today
        ([(DAY - timedelta(days=2), "GBP", "EUR", "1.1"), (DAY - timedelta(days=1), "GBP", "EUR", "1.4")], "14"),  # the nearest
        ([(DAY, "GBP", "USD", "1.25"), (DAY, "EUR", "USD", "1.0")], "12.5"),  # crossed through the dollar
        ([(DAY, "GBP", "USD", "1.25"), (DAY - timedelta(days=9), "EUR", "USD", "1.0")], None),  # one leg is too old
        ([(DAY - timedelta(days=3), "GBP", "EUR", "1.2"), (DAY, "GBP", "USD", "9"), (DAY, "USD", "EUR", "9")], "12"),  # no detour
        ([(DAY, "USD", "EUR", "0.9")], None),  # no rate of this currency: never 1:1
        ([], None),
    ],
)
def test_the_latest_rate_on_or_before_the_day_converts(
    con: duckdb.DuckDBPyConnection, quotes: list[tuple[Any, ...]], expected: str | None
) -> None:
    order(con, 1)
    build(con, base_currency="EUR", quotes=rates(quotes))
    assert base_of(con) == (None if expected is None else Decimal(expected))
    unconverted = ask(con, "SELECT fact, source_system, currency, facts, amount FROM golden.unconverted")
    assert unconverted == ([] if expected else [("customer_order", "shop", "GBP", 1, Decimal(10))])


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (("date", "from", "to", "rate"), (DAY, "EUR", "GBP", "0.8")),
        (("date", "currency", "base", "rate"), (DAY, "GBP", "EUR", "0.8")),
        (("KEY", "TIME_PERIOD", "CURRENCY", "CURRENCY_DENOM", "OBS_VALUE"), ("EXR.D", DAY, "GBP", "EUR", "0.8")),
        # eurofxref-hist.csv, with its unnamed last column
        (("Date", "USD", "GBP", "TRL", "column4"), (DAY, "1.1", "0.8", "N/A", None)),
    ],
)
def test_the_ways_of_quoting(con: duckdb.DuckDBPyConnection, columns: tuple[str, ...], row: tuple[Any, ...]) -> None:
    order(con, 1)
    build(con, base_currency="EUR", quotes=rates([row], columns))
    assert base_of(con) == Decimal("12.5")


@pytest.mark.parametrize(
    ("columns", "rows", "said"),
    [
        (("day", "value"), [(DAY, "1")], "cannot tell rates from the columns day, value; give it the columns date, from"),
        (("date", "from", "to", "rate"), [("1.1.2026", "EUR", "GBP", "1")], "1 rows have no readable date, such as '1.1.2026'"),
        (("date", "from", "to", "rate"), [(DAY, "EUR", "pounds", "1")], "no readable currency, such as 'pounds'"),
        (("date", "from", "to", "rate"), [(DAY, "EUR", "GBP", "0,8")], "no readable rate, such as '0,8'"),
        (("date", "from", "to", "rate"), [(DAY, "EUR", "GBP", "0")], "no readable rate, such as '0'"),
        (("date", "from", "to", "rate"), [(DAY, "EUR", "GBP", "1"), (DAY, "EUR", "GBP", "2")], "two rates from EUR to GBP on 2026"),
    ],
)
def test_what_is_wrong_with_a_file_of_rates_is_said(
    con: duckdb.DuckDBPyConnection, columns: tuple[str, ...], rows: list[tuple[Any, ...]], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        build(con, base_currency="EUR", quotes=rates(rows, columns))
    assert "reporting.rates" in str(caught.value)


def test_a_row_said_twice_is_one_rate(con: duckdb.DuckDBPyConnection) -> None:
    order(con, 1)
    build(con, base_currency="EUR", quotes=rates([(DAY, "GBP", "EUR", "1.2")] * 2))
    assert base_of(con) == 12


def test_every_kind_of_money_is_converted_on_its_own_day(con: duckdb.DuckDBPyConnection) -> None:
    quotes = rates([(day(n).date(), "GBP", "EUR", f"1.{n}") for n in range(1, 7)])
    order(con, 1, ordered_at=day(1))
    fact(
        con,
        "order_line",
        "shop:orders:1:a",
        order_id="1",
        line_no="a",
        source_record_id="1",
        currency="GBP",
        net_amount=Decimal(10),
    )
    fact(con, "invoice", "bill:invoices:1", issued_at=day(2), amount_due=Decimal(5))
    fact(con, "payment", "bill:payments:1", paid_at=day(3))
    fact(con, "refund", "bill:refunds:1", refunded_at=day(4), amount=Decimal(10))
    fact(con, "ad_spend_daily", "ads:spend:1", date_day=day(5).date())
    build(con, base_currency="EUR", quotes=quotes)
    assert ask(con, "SELECT gross_amount_base, net_amount_base, fx_rate FROM golden.customer_order") == [(11, 11, Decimal("1.1"))]
    assert one(con, "SELECT net_amount_base FROM golden.order_line") == 11  # its order's day
    assert ask(con, "SELECT total_amount_base, amount_due_base FROM golden.invoice") == [(12, 6)]
    assert one(con, "SELECT amount_base FROM golden.payment") == 13
    assert one(con, "SELECT amount_base FROM golden.refund") == 14
    assert one(con, "SELECT spend_base FROM golden.ad_spend_daily") == 15
    assert ask(con, "FROM golden.unconverted") == []


def test_the_day_is_that_of_utc_also_just_before_midnight(con: duckdb.DuckDBPyConnection) -> None:
    order(con, 1, ordered_at=day(1) - timedelta(microseconds=1))
    order(con, 2, ordered_at=day(1))
    build(con, base_currency="EUR", quotes=rates([(day(0).date(), "GBP", "EUR", "2"), (day(1).date(), "GBP", "EUR", "3")]))
    assert (base_of(con, 1), base_of(con, 2)) == (20, 30)


@pytest.mark.parametrize(("amount", "expected"), [("0.00005", "0.0001"), ("0.00004", "0"), ("-0.00005", "-0.0001")])
def test_half_of_the_last_digit_is_rounded_away_from_zero(con: duckdb.DuckDBPyConnection, amount: str, expected: str) -> None:
    order(con, 1, gross_amount=Decimal(amount).scaleb(1))
    build(con, base_currency="EUR", quotes=rates([(DAY, "GBP", "EUR", "0.1")]))
    assert base_of(con) == Decimal(expected)


def test_without_a_base_currency_facts_of_one_currency_are_their_own_base(con: duckdb.DuckDBPyConnection) -> None:
    order(con, 1)
    build(con)
    assert (base_of(con), one(con, "SELECT base_currency FROM golden.reporting")) == (10, "GBP")
    fact(con, "ad_spend_daily", "ads:spend:1", currency="USD")
    build(con)
    assert (base_of(con), one(con, "SELECT base_currency FROM golden.reporting")) == (None, None)
    assert ask(con, "FROM golden.unconverted") == []  # nobody asked for a base currency


def test_an_amount_that_is_too_large_for_its_column_stays_unconverted(con: duckdb.DuckDBPyConnection) -> None:
    order(con, 1, gross_amount=Decimal("9" * 14))
    order(con, 2)
    build(con, base_currency="EUR", quotes=rates([(DAY, "GBP", "EUR", "2")]))
    assert (base_of(con, 1), base_of(con, 2)) == (None, 20)


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from(["GBP", "EUR", "USD", "JPY"]), st.decimals("0.01", "200", places=4)),
        min_size=1,
        max_size=12,
        unique_by=lambda row: (row[0], row[1]),
    ),
    st.integers(0, 20),
    st.integers(0, 8),
    st.randoms(use_true_random=False),
)
@settings(max_examples=25, deadline=None)
def test_conversion_is_that_of_a_plain_search(quoted: list[tuple[int, str, Decimal]], at: int, max_age: int, shuffle: Any) -> None:
    """Against the rule written as a loop, in the ECB's way: one euro is worth so much."""
    rows = [(day(n).date(), "EUR", currency, rate) for n, currency, rate in quoted if currency != "EUR"]
    shuffle.shuffle(rows)

    def euro_in(currency: str) -> tuple[date, Decimal] | None:
        near = [(on, rate) for on, _, c, rate in rows if c == currency and 0 <= (day(at).date() - on).days <= max_age]
        return max(near, default=None)

    con = warehouse()
    order(con, 1, ordered_at=day(at), gross_amount=Decimal(100))
    build(con, base_currency="USD", max_age_days=max_age, quotes=rates(rows) if rows else None)
    pound, dollar = euro_in("GBP"), euro_in("USD")
    found = base_of(con)
    con.close()
    if pound is None or dollar is None:
        assert found is None
    else:
        exact = Decimal(100) * dollar[1] / pound[1]
        assert abs(found - exact) <= Decimal("0.0001")
