"""How a period becomes a date, and what hub.yaml is told that cannot be."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.contract.errors import ConfigError
from pipelines.config import load_config
from pipelines.retention_settings import cut_off

DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))
UNITS = ("day", "week", "month", "year")


@pytest.mark.parametrize(
    ("period", "today", "before"),
    [
        ("3 years", "2026-11-28", "2023-11-28"),
        ("18 months", "2026-03-31", "2024-09-30"),  # a month without that day: its last one
        ("1 month", "2024-03-31", "2024-02-29"),
        ("1 year", "2024-02-29", "2023-02-28"),
        ("4 years", "2024-02-29", "2020-02-29"),
        ("400 days", "2026-11-28", "2025-10-24"),
        ("6 weeks", "2026-01-01", "2025-11-20"),
        (" 12 Months ", "2026-01-15", "2025-01-15"),
    ],
)
def test_a_period_is_a_date_by_the_calendar(period: str, today: str, before: str) -> None:
    assert cut_off(period, date.fromisoformat(today)) == datetime.fromisoformat(before)


@given(DAYS, st.integers(1, 60), st.integers(0, 1200), st.sampled_from(UNITS[2:]))
def test_days_later_never_cut_earlier_and_longer_periods_never_cut_later(today: date, number: int, later: int, unit: str) -> None:
    before = cut_off(f"{number} {unit}s", today)
    assert before <= cut_off(f"{number} {unit}s", today + timedelta(days=later))
    assert cut_off(f"{number + 1} {unit}s", today) < before < datetime.combine(today, datetime.min.time())
    # the same day of its month, or the last one of a shorter one
    assert before.day == today.day or (before.day < today.day and (before + timedelta(days=1)).day == 1)


@given(DAYS, st.integers(1, 20))
def test_twelve_months_are_a_year_and_seven_days_a_week(today: date, number: int) -> None:
    assert cut_off(f"{12 * number} months", today) == cut_off(f"{number} years", today)
    assert cut_off(f"{7 * number} days", today) == cut_off(f"{number} weeks", today)


@given(st.from_regex(r"[^0-9]*|\d+|-\d+ days|\d+ (decades|minutes)", fullmatch=True))
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no period; write it as"):
        cut_off(text, date(2026, 11, 28))


STRIPE = "sources: {s: {type: stripe, api_key: '${STRIPE_KEY}'}}\n"


@pytest.mark.parametrize(
    ("retention", "said"),
    [
        ("tables: {tickets: 3 years}", r"retention\.tables: there is no table 'tickets' to cut; did you mean 'ticket'\?"),
        ("tables: {zzz: 3 years}", r"there is no table 'zzz' to cut; known are customer, customer_order"),
        ("tables: {consent: 3 years}", r"'consent' may not be cut by itself: a consent goes with its customer"),
        ("tables: {order_line: 3 years}", r"'order_line' may not be cut by itself: lines go with their order"),
        ("tables: {audit_log: 3 years}", r"'audit_log' may not be cut by itself"),
        ("tables: {ticket: -3 years}", r"retention\.tables\.ticket: '-3 years' is no period; write it as 3 years, 18 months"),
        ("tables: {ticket: 3}", r"retention\.tables\.ticket: .*string"),
        ("tables: {ticket: 3 yrs}", r"'3 yrs' is no period"),
        ("tables: {ticket: 0 days}", r"'0 days' is too short; a week is the least"),
        ("tables: {ticket: 6 days}", r"'6 days' is too short"),
        ("tables: {ticket: 9999 years}", r"'9999 years' is longer ago than years count"),
        ("tabels: {ticket: 3 years}", r"retention\.tabels: unknown key 'tabels'; did you mean 'tables'\?"),
        ("overdue_after_days: 0", r"retention\.overdue_after_days: input should be greater"),
    ],
)
def test_what_cannot_be_cut_is_one_line_that_names_the_key(tmp_path: Path, retention: str, said: str) -> None:
    (tmp_path / "hub.yaml").write_text(f"{STRIPE}retention: {{{retention}}}\n")
    with pytest.raises(ConfigError, match=said):
        load_config(tmp_path / "hub.yaml")


def test_what_can_be_cut_is_read(tmp_path: Path) -> None:
    (tmp_path / "hub.yaml").write_text(f"{STRIPE}retention: {{tables: {{ticket: 3 years, customer: 400 days}}}}\n")
    cut_offs = load_config(tmp_path / "hub.yaml").retention.cut_offs(date(2026, 11, 28))
    assert cut_offs == {"ticket": datetime.fromisoformat("2023-11-28"), "customer": datetime.fromisoformat("2025-10-24")}
