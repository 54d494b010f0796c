"""What follows from the checks: the decision, what is shown of a failure, and what is never a failure of the data."""

from __future__ import annotations

from dataclasses import asdict, replace
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations import CHECKS, CheckResult, GateSettings, judge
from expectations.measures import Measure
from hub.contract.errors import GateError
from tests.expectations.figures import NOW, Figures, changed, failed, first_load, healthy, to_frames, verdict

COMPARING = {
    *("reference_kept", "volume_drop", "volume_growth", "completeness_drop", "id_churn", "merged_share"),
    *("mailbox_flood", "rows_doubled", "currency_kept", "currency_mix", "amount_scale", "values_lost", "schema_kept"),
    *("volume_usual", "nulls_usual", "amounts_usual", "match_rate_usual", "cluster_sizes_usual"),
}


def found(figures: Figures, check_id: str, gate: GateSettings | None = None) -> CheckResult:
    return next(result for result in verdict(figures, gate).results if result.check_id == check_id)


def test_an_ordinary_day_passes_every_check() -> None:
    result = verdict(healthy())
    assert (result.load_id, result.decided_at, result.decision) == ("L2", NOW, "pass")
    assert (result.blocking, result.warnings) == ((), ())
    assert [r.check_id for r in result.results] == [check.check_id for check in CHECKS]
    assert {r.status for r in result.results} == {"passed"}


def test_on_the_first_load_what_compares_with_the_last_one_does_not_apply() -> None:
    result = verdict(first_load())
    assert result.decision == "pass"
    assert {r.check_id for r in result.results if r.status == "not_applicable"} == COMPARING


def test_an_empty_hub_passes() -> None:
    figures = first_load()
    figures["uniqueness"][0] |= {"rows": 0, "distinct_keys": 0}
    figures["crosswalk"][0] = dict.fromkeys(figures["crosswalk"][0], 0)
    for name in ("references", "reconciliation", "conservation", "volume", "completeness", "quarantine", "future_dates"):
        figures[name] = []
    frames = {name: pd.DataFrame(rows, columns=list(healthy()[name][0])) for name, rows in figures.items()}
    assert judge(frames, GateSettings(), load_id="L1", now=NOW).decision == "pass"


def test_figures_left_out_make_their_checks_not_applicable_and_say_so() -> None:
    figures = healthy()
    del figures["volume"]
    result = found(figures, "volume_drop")
    assert (result.status, result.message) == ("not_applicable", "no figures 'volume' were handed in")
    assert verdict(figures).decision == "pass"


def test_a_cent_of_ten_trillions_holds_the_load() -> None:
    big = Decimal("10000000000000.01")
    assert verdict(changed("reconciliation", 0, source_value=big, golden_value=str(big))).decision == "pass"
    result = found(changed("reconciliation", 0, source_value=big, golden_value=big - Decimal("0.01")), "reconciled")
    assert (result.status, result.observed, result.threshold) == ("failed", Decimal("10000000000000.00"), big)
    assert "shopify/customer_order.gross_amount/EUR is 10,000,000,000,000.00 in golden" in result.message


@given(st.lists(st.tuples(st.integers(-(10**22), 10**22), st.integers(-2, 2), st.integers(0, 6)), min_size=1, max_size=60))
@settings(max_examples=5, deadline=None)
def test_money_reconciles_if_and_only_if_it_is_equal(amounts: list[tuple[int, int, int]]) -> None:
    figures = healthy()
    figures["reconciliation"] = [
        {
            "source_system": f"source_{n}",
            "measure": "invoice.total_amount",
            "currency": "EUR",
            "source_value": Decimal(digits).scaleb(-places),
            "golden_value": Decimal(digits + off).scaleb(-places),
        }
        for n, (digits, off, places) in enumerate(amounts)
    ]
    result = found(figures, "reconciled")
    apart = {f"source_{n}/invoice.total_amount/EUR" for n, (_, off, _) in enumerate(amounts) if off}
    assert (result.failed_rows, set(result.examples) <= apart) == (len(apart), True)
    assert (result.status == "passed") == (not apart)


def test_nothing_on_one_side_is_zero_there() -> None:
    missing = changed("reconciliation", 0, golden_value=None)
    result = found(missing, "reconciled")
    assert (result.status, result.observed) == ("failed", Decimal(0))
    assert found(changed("reconciliation", 0, source_value=None, golden_value=Decimal("0.00")), "reconciled").status == "passed"


def test_the_worst_of_several_failures_is_named_first_and_all_are_counted() -> None:
    figures = changed("volume", 1, rows=0)
    figures["volume"][2] |= {"rows": 2000}
    result = found(figures, "volume_drop")
    assert (result.target, result.before, result.now, result.observed) == ("customer_order/shopify", 7900, 0, 7900)
    assert (result.failed_rows, result.total_rows) == (7900 + 950, 4950 + 7900 + 2950)
    assert result.examples == ("customer_order/shopify", "ticket/zendesk")
    assert result.message.startswith("7,900 of 7,900 rows of customer_order/shopify are gone, at most 2,370 may be (and 1 more); ")


def test_keys_handed_in_for_a_check_are_its_examples() -> None:
    keys = [f"shopify:orders:{n}" for n in range(30)]
    figures = changed("references", 0, dangling=30, reference_valid_examples=keys, reference_kept_examples=["shopify:orders:x"])
    assert found(figures, "reference_valid").examples == tuple(keys[:20])


def test_the_order_of_the_figures_changes_nothing() -> None:
    figures = {name: list(reversed(rows)) for name, rows in reversed(changed("volume", 1, rows=0).items())}
    assert verdict(figures) == verdict(changed("volume", 1, rows=0))


def test_a_source_never_synced_is_stale() -> None:
    result = found(changed("freshness", 0, hours_since_success=None), "source_fresh")
    assert (result.status, result.severity, result.observed) == ("failed", "warning", Decimal("Infinity"))
    assert "hours since its last successful sync: never" in result.message


def test_a_check_that_cannot_be_computed_is_an_error_of_the_gate_without_the_value() -> None:
    broken = replace(CHECKS[0], check_id="broken", measure=lambda row, gate: Measure("ada@lovelace.test", 0, 0, 0))  # type: ignore[arg-type]
    with pytest.raises(GateError, match=r"check broken \(expect_column_pair_values_a_to_be.*could not be computed") as caught:
        judge(to_frames(healthy()), GateSettings(), load_id="L2", now=NOW, checks=[*CHECKS, broken])
    assert "lovelace" not in str(caught.value)


def test_a_value_in_an_undeclared_column_never_shows_in_a_verdict() -> None:
    figures = changed("references", 0, dangling=3, email="ada@lovelace.test", full_name="Ada Lovelace")
    result = verdict(figures)
    assert failed(result) == {"reference_valid"}
    assert "lovelace" not in str(asdict(result)).lower()
