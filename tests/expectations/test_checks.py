"""Every check has a load that only it fails and one at its very limit that it passes; a new check without both fails here."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache

import pytest

from expectations import CHECKS, TableCheck, Verdict
from expectations.frames import ALWAYS, FRAMES
from tests.expectations.figures import Figures, changed, failed, healthy, verdict

# what is wrong with the load, and the worst that is still right
BAD: dict[str, Callable[[], Figures]] = {
    "key_present": lambda: changed("uniqueness", 0, distinct_keys=4999, null_keys=1),
    "key_unique": lambda: changed("uniqueness", 1, rows=8003),
    "record_placed": lambda: changed("crosswalk", 0, records_live=12001),
    "record_once": lambda: changed("crosswalk", 0, current_rows=12002),
    "record_known": lambda: changed("crosswalk", 0, current_rows=12001, distinct_current_records=12001, unknown_records=1),
    "reference_valid": lambda: changed("references", 0, dangling=1),
    "reference_kept": lambda: changed("references", 1, unresolved=61),
    "reference_resolved": lambda: changed("references", 1, unresolved=151, unresolved_before=149),
    "reference_named": lambda: changed("named", 0, unknown=851),
    "reconciled": lambda: changed("reconciliation", 0, golden_value=Decimal("812345.68")),
    "rows_conserved": lambda: changed("conservation", 0, loaded=99),
    "volume_drop": lambda: changed("volume", 1, rows=7900 - 2371),
    "volume_growth": lambda: changed("volume", 2, rows=8851),
    "completeness_drop": lambda: changed("completeness", 0, filled=4470 - 448),
    "id_churn": lambda: changed("identity", 0, records_changed=237),
    "merged_share": lambda: changed("identity", 0, merged_ids=248),
    "cluster_size": lambda: changed("identity", 0, largest_cluster=51),
    "quarantine_share": lambda: changed("quarantine", 0, rows_in=200, quarantined=11),
    "dates_plausible": lambda: changed("future_dates", 0, in_future=9),
    "source_fresh": lambda: changed("freshness", 0, hours_since_success=26.01),
    "rate_known": lambda: changed("unconverted", 1, unconverted=2, amount="1234567", first_day="2026-02-01", last_day="2026-02-28"),
    "mailbox_own": lambda: changed("shared_mailbox", 0, shared=221),
    "mailbox_flood": lambda: changed("mailbox", 0, holders=309),
    "rows_doubled": lambda: changed("duplicates", 0, doubled=241),
    "currency_kept": lambda: changed("currency_changes", 0, changed=6),
    "currency_mix": lambda: changed("currency_mix", 0, shifted=36),
    "amount_scale": lambda: changed("amounts", 0, factor=10.1),
    "values_lost": lambda: changed("values", 0, filled=2090 - 210),
    "schema_kept": lambda: changed("schema", 0, lost=1),
    "volume_usual": lambda: changed("history", 0, value=1091),
    "nulls_usual": lambda: changed("history", 1, value=0.64),
    "amounts_usual": lambda: changed("history", 2, value=1.34),
    "match_rate_usual": lambda: changed("history", 3, value=0.58),
    "cluster_sizes_usual": lambda: changed("history", 4, value=0.151),
}
GOOD: dict[str, Callable[[], Figures]] = {
    "key_present": healthy,
    "key_unique": lambda: changed("uniqueness", 1, rows=0, distinct_keys=0),
    "record_placed": lambda: changed("crosswalk", 0, records_live=0, current_rows=0, distinct_current_records=0),
    "record_once": lambda: changed("crosswalk", 0, records_live=1, current_rows=1, distinct_current_records=1),
    "record_known": healthy,
    "reference_valid": healthy,
    "reference_kept": lambda: changed("references", 1, unresolved=60),
    "reference_resolved": lambda: changed("references", 1, unresolved=150, unresolved_before=149),
    "reference_named": lambda: changed("named", 0, unknown=850),
    "reconciled": lambda: changed("reconciliation", 0, source_value="812345.6700", golden_value="812345.67"),
    "rows_conserved": lambda: changed("conservation", 0, rows_in=0, loaded=0, unchanged=0, deleted=0, quarantined=0),
    "volume_drop": lambda: changed("volume", 1, rows=7900 - 2370),
    "volume_growth": lambda: changed("volume", 2, rows=8850),
    "completeness_drop": lambda: changed("completeness", 0, filled=4470 - 447),
    "id_churn": lambda: changed("identity", 0, records_changed=236),
    "merged_share": lambda: changed("identity", 0, merged_ids=247),
    "cluster_size": lambda: changed("identity", 0, largest_cluster=50),
    "quarantine_share": lambda: changed("quarantine", 0, rows_in=200, quarantined=10),
    "dates_plausible": lambda: changed("future_dates", 0, in_future=8),
    "source_fresh": lambda: changed("freshness", 0, hours_since_success=26.0),
    "rate_known": healthy,
    "mailbox_own": lambda: changed("shared_mailbox", 0, shared=220),
    "mailbox_flood": lambda: changed("mailbox", 0, holders=308),
    "rows_doubled": lambda: changed("duplicates", 0, doubled=240),
    "currency_kept": lambda: changed("currency_changes", 0, changed=5),
    "currency_mix": lambda: changed("currency_mix", 0, shifted=35),
    "amount_scale": lambda: changed("amounts", 0, factor=10),
    "values_lost": lambda: changed("values", 0, filled=2090 - 209),
    "schema_kept": healthy,
    "volume_usual": lambda: changed("history", 0, value=1090),
    "nulls_usual": lambda: changed("history", 1, value=0.63),
    "amounts_usual": lambda: changed("history", 2, value=1.35),
    "match_rate_usual": lambda: changed("history", 3, value=0.59),
    "cluster_sizes_usual": lambda: changed("history", 4, value=0.15),
}


@cache
def bad_verdict(check_id: str) -> Verdict:
    return verdict(BAD[check_id]())


by_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.check_id)


@by_check
def test_a_bad_load_fails_its_check_and_no_other(check: TableCheck) -> None:
    result = bad_verdict(check.check_id)
    assert failed(result) == {check.check_id}
    assert result.decision == ("hold" if check.severity == "critical" else "pass")
    assert result.blocking + result.warnings == (check.check_id,)


@by_check
def test_a_load_at_the_limit_passes(check: TableCheck) -> None:
    figures = GOOD[check.check_id]()
    result = verdict({name: figures[name] for name in {*ALWAYS, check.frame}})
    assert failed(result) == set()
    assert next(r.status for r in result.results if r.check_id == check.check_id) == "passed"


@by_check
def test_a_failure_says_what_how_many_and_what_to_do_in_one_line(check: TableCheck) -> None:
    result = next(r for r in bad_verdict(check.check_id).results if r.status == "failed")
    assert result.message.endswith(f"; {check.remedy}")
    assert "\n" not in result.message
    assert any(digit.isdigit() for digit in result.message.partition(";")[0])
    assert result.failed_rows > 0
    assert result.total_rows >= 1
    assert result.examples


def test_money_without_a_rate_is_told_with_currency_days_and_sum() -> None:
    result = next(r for r in bad_verdict("rate_known").results if r.check_id == "rate_known")
    assert result.message.partition(";")[0] == (
        "2 of 1,000 facts of customer_order/shopify/JPY have no rate to the base currency:"
        " 1,234,567 JPY of 2026-02-01 to 2026-02-28"
    )


def test_checks_have_distinct_names_known_figures_and_a_load_for_and_against() -> None:
    ids = [check.check_id for check in CHECKS]
    assert len(set(ids)) == len(ids)
    assert {check.frame for check in CHECKS} == set(FRAMES)
    assert set(BAD) == set(GOOD) == set(ids)
