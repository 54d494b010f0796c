"""The report: readable Markdown that shows every check, what to do, and no person."""

from __future__ import annotations

from expectations import CHECKS, to_markdown
from tests.expectations.figures import changed, first_load, healthy, verdict


def table_rows(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_passing_load_says_so_and_shows_every_check_with_its_figures() -> None:
    report = to_markdown(verdict(healthy()))
    assert report.startswith("**Load L2 passes** (2026-03-02 06:00 UTC).\n")
    head, _, *rows = table_rows(report)
    assert [row[0] for row in rows] == [check.check_id for check in CHECKS]
    assert {len(row) for row in rows} == {len(head)}
    shown = {row[0]: row for row in rows}
    assert shown["volume_drop"][2:] == ["passed", "customer", "0", "1,485", "4,950", "5,000"]


def test_a_held_load_says_by_what_with_before_and_now_and_what_to_do() -> None:
    report = to_markdown(verdict(changed("volume", 1, rows=3950)))
    assert report.startswith("**Load L2 is held** by volume_drop; the last good load stays")
    assert (
        "Held by **volume_drop**: 3,950 of 7,900 rows of customer_order/shopify are gone, at most 2,370 may be; see whether"
        in report
    )
    assert next(row for row in table_rows(report) if row[0] == "volume_drop")[2:] == [
        "**FAILED**",
        "customer_order/shopify",
        "3,950",
        "2,370",
        "7,900",
        "3,950",
    ]


def test_a_warning_is_told_from_a_failure() -> None:
    report = to_markdown(verdict(changed("freshness", 0, hours_since_success=None)))
    assert report.startswith("**Load L2 passes**, with warnings: source_fresh (")
    assert "Warning: **source_fresh**: shopify is stale" in report
    assert next(row for row in table_rows(report) if row[0] == "source_fresh")[2:5] == ["**warning**", "shopify", "never"]


def test_keys_are_shown_for_example_and_cannot_break_the_layout() -> None:
    figures = changed("references", 0, dangling=2, reference_valid_examples=["shopify:orders:1", "files:o:`|\n# 2"])
    report = to_markdown(verdict(figures))
    assert "For example `shopify:orders:1`, `files:o:| # 2`." in report


def test_a_bar_in_a_name_does_not_break_the_table() -> None:
    report = to_markdown(verdict(changed("reconciliation", 0, measure="a|b", golden_value="1")))
    line = next(line for line in report.splitlines() if line.startswith("| reconciled"))
    assert "shopify/a\\|b/EUR" in line


def test_what_does_not_apply_is_shown_with_its_reason() -> None:
    row = next(row for row in table_rows(to_markdown(verdict(first_load()))) if row[0] == "id_churn")
    assert row[2:4] == ["n/a", "nothing to compare with, or nothing of the kind in this hub"]
