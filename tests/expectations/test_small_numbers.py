"""A share over a handful of rows holds nothing; a limit of zero means none at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations import GateSettings
from expectations.measures import allowed
from tests.expectations.figures import Figures, changed, failed, verdict


@pytest.mark.parametrize(
    "figures",
    [
        changed("quarantine", 0, rows_in=3, quarantined=1),
        changed("quarantine", 0, rows_in=20, quarantined=5),
        changed("volume", 2, rows=1, rows_before=6),
        changed("volume", 2, rows=900, rows_before=12),
        changed("completeness", 0, filled=1, filled_before=6, rows=8, rows_before=8),
        changed("identity", 0, records_compared=20, records_changed=4, customers_before=10, merged_ids=2),
        changed("references", 1, facts=9, unresolved=4, facts_before=8, unresolved_before=0),
        changed("future_dates", 0, rows=50, in_future=5),
        changed("shared_mailbox", 0, emails=8, shared=2),
    ],
    ids=["quarantine", "quarantine_20", "volume_drop", "growth", "completeness", "identity", "references", "future", "mailbox"],
)
def test_a_few_rows_hold_no_load_whatever_their_share(figures: Figures) -> None:
    assert failed(verdict(figures)) == set()


def test_six_bad_rows_of_twenty_are_more_than_a_few() -> None:
    assert failed(verdict(changed("quarantine", 0, rows_in=20, quarantined=6))) == {"quarantine_share"}


def test_a_source_that_came_to_nothing_is_held() -> None:
    assert failed(verdict(changed("volume", 1, rows=0))) == {"volume_drop"}


@pytest.mark.parametrize(
    ("key", "figures", "check_id"),
    [
        ("max_quarantine_share", changed("quarantine", 0, rows_in=3, quarantined=1), "quarantine_share"),
        ("max_id_churn", changed("identity", 0, records_changed=1), "id_churn"),
    ],
)
def test_a_limit_of_zero_tolerates_not_one_row(key: str, figures: Figures, check_id: str) -> None:
    assert check_id in failed(verdict(figures, GateSettings(**{key: 0})))


@given(share=st.floats(0, 1), rows=st.integers(0, 10**9), more=st.integers(0, 10**6))
def test_more_rows_never_allow_less(share: float, rows: int, more: int) -> None:
    gate = GateSettings()
    assert allowed(share, rows, gate) <= allowed(share, rows + more, gate)
    assert allowed(share, rows, gate) <= max(gate.tolerated_rows, rows)
