"""The gate's keys in hub.yaml."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from expectations import GateSettings


def test_the_defaults_that_bind() -> None:
    gate = GateSettings()
    assert (gate.max_id_churn, gate.max_quarantine_share) == (0.02, 0.05)


def test_every_key_says_what_it_limits() -> None:
    assert all(field.description for field in GateSettings.model_fields.values())


@pytest.mark.parametrize("keys", [{"max_churn": 0.1}, {"max_id_churn": 1.5}, {"max_id_churn": -0.1}, {"max_volume_growth": 1}])
def test_an_unknown_key_or_an_impossible_limit_is_refused(keys: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        GateSettings(**keys)
