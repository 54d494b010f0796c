"""The Google Ads Query Language: what is read, what is refused, and with which of Google's codes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox.gaql import Condition, Parser, Query, QueryError, date_range

TODAY = date(2026, 9, 20)


def parse(text: str) -> Query:
    return Parser(text).query()


def test_a_whole_query_is_read() -> None:
    found = parse(
        """SELECT campaign.id, metrics.clicks FROM campaign
           WHERE segments.date BETWEEN '2026-09-01' AND '2026-09-10' AND campaign.status IN ('ENABLED', "PAUSED")
           AND campaign.name NOT LIKE '%test%' AND campaign.id IS NOT NULL
           ORDER BY metrics.clicks DESC, campaign.id LIMIT 5 PARAMETERS include_drafts=true"""
    )
    assert found.select == ["campaign.id", "metrics.clicks"]
    assert found.resource == "campaign"
    assert found.where == [
        Condition("segments.date", "BETWEEN", ("2026-09-01", "2026-09-10")),
        Condition("campaign.status", "IN", ("ENABLED", "PAUSED")),
        Condition("campaign.name", "NOT LIKE", ("%test%",)),
        Condition("campaign.id", "IS NOT NULL"),
    ]
    assert (found.order_by, found.limit) == ([("metrics.clicks", True), ("campaign.id", False)], 5)


def test_keywords_are_read_in_any_case() -> None:
    assert parse("select campaign.id from campaign where campaign.id = 5 limit 1").where == [Condition("campaign.id", "=", ("5",))]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "EXPECTED_SELECT"),
        ("DELETE FROM campaign", "EXPECTED_SELECT"),
        ("SELECT campaign.id", "EXPECTED_FROM"),
        ("SELECT id FROM campaign", "BAD_FIELD_NAME"),
        ("SELECT campaign.id FROM", "UNEXPECTED_END_OF_QUERY"),
        ("SELECT campaign.id FROM campaign WHERE campaign.id ~ 5", "BAD_OPERATOR"),
        ("SELECT campaign.id FROM campaign WHERE segments.date BETWEEN '2026-01-01'", "EXPECTED_AND"),
        ("SELECT campaign.id FROM campaign WHERE campaign.id IN (1, 2", "EXPECTED_LIST"),
        ("SELECT campaign.id FROM campaign ORDER campaign.id", "EXPECTED_BY"),
        ("SELECT campaign.id FROM campaign LIMIT none", "BAD_LIMIT_VALUE"),
        ("SELECT campaign.id FROM campaign nonsense", "UNEXPECTED_INPUT"),
        ("SELECT campaign.id FROM campaign WHERE campaign.name = 'open", "BAD_SYMBOL"),
    ],
)
def test_what_cannot_be_read_is_refused_with_googles_code(text: str, code: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse(text)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("where", "first", "last"),
    [
        ("segments.date = '2026-09-01'", "2026-09-01", "2026-09-01"),
        ("segments.date >= '2026-09-01' AND segments.date < '2026-09-04'", "2026-09-01", "2026-09-03"),
        ("segments.date > '2026-09-01' AND segments.date <= '2026-09-04'", "2026-09-02", "2026-09-04"),
        ("segments.date DURING LAST_7_DAYS", "2026-09-13", "2026-09-19"),
        ("segments.date DURING TODAY", "2026-09-20", "2026-09-20"),
        ("segments.date BETWEEN '2026-01-01' AND '2026-12-31' AND segments.date DURING YESTERDAY", "2026-09-19", "2026-09-19"),
        ("segments.date >= '2026-09-01'", "2026-09-01", None),
        ("campaign.id = 1", None, None),
    ],
)
def test_date_conditions_make_one_range(where: str, first: str | None, last: str | None) -> None:
    conditions = parse(f"SELECT campaign.id FROM campaign WHERE {where}").where
    low, high = date_range(conditions, "segments.date", TODAY)
    assert (low and low.isoformat(), high and high.isoformat()) == (first, last)


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("segments.date = '01.09.2026'", "INVALID_DATE_FORMAT"),
        ("segments.date DURING LAST_FORTNIGHT", "INVALID_VALUE_WITH_DURING_OPERATOR"),
        ("segments.date LIKE '2026-09-01'", "OPERATOR_FIELD_MISMATCH"),
    ],
)
def test_dates_that_are_none_are_refused(where: str, code: str) -> None:
    conditions = parse(f"SELECT campaign.id FROM campaign WHERE {where}").where
    with pytest.raises(QueryError) as refused:
        date_range(conditions, "segments.date", TODAY)
    assert refused.value.code == code


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except QueryError:
        return
    assert found.select
