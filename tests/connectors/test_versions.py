"""The API versions that are pinned, and the warning before one ends."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from connectors.registry import connector_class, types
from connectors.versions import VERSIONS, WARN_DAYS, warning

PINNED = {name: version for name in types() if (version := connector_class(name).api_version) is not None}


@pytest.mark.parametrize("name", PINNED)
def test_every_pin_has_an_entry_of_the_version_that_is_sent(name: str) -> None:
    assert VERSIONS[name].version == PINNED[name]


def test_no_entry_is_left_behind() -> None:
    assert set(VERSIONS) <= set(types())


@pytest.mark.parametrize("name", [name for name, pin in VERSIONS.items() if pin.served_until])
def test_the_warning_comes_sixty_days_ahead_and_stays(name: str) -> None:
    end = VERSIONS[name].served_until
    assert end is not None
    assert warning(name, end - timedelta(days=WARN_DAYS + 1)) is None
    assert f"ends in {WARN_DAYS} days, on {end}" in str(warning(name, end - timedelta(days=WARN_DAYS)))
    assert "ends in 0 days" in str(warning(name, end))
    assert f"ended on {end}" in str(warning(name, end + timedelta(days=1)))


def test_what_has_no_end_never_warns() -> None:
    assert warning("stripe", date(2099, 1, 1)) is None
    assert warning("files", date(2099, 1, 1)) is None
