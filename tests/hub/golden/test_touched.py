"""A load that makes anew only what a day touched has the rows of one made from scratch, load_id included."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.golden import GoldenSettings, basis, build, how_built, touched
from tests.hub.golden.days import WORDS, Change, Hub, change_all, later

small = st.integers(0, 4)
changes = st.lists(st.tuples(st.sampled_from(WORDS), small, small, small), max_size=6)
# what is done, how many hours go by, what becomes of the load
days = st.lists(
    st.tuples(
        changes, st.sampled_from([1, 24, 24, 72, 24 * 40, -24]), st.sampled_from(["publish", "publish", "publish", "hold", "back"])
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture(autouse=True)
def always_partly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small hub, too, of which more than a quarter changed."""
    monkeypatch.setattr(build, "FEWEST_INPUTS", 0)
    monkeypatch.setattr(build, "MOST_TOUCHED", 1e9)


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub with one published load."""
    made = Hub()
    made.build()
    made.publish()
    yield made
    made.close()


@given(days)
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_days_leave_the_rows_of_a_build_from_scratch(told: list[tuple[list[Change], int, str]]) -> None:
    hub = Hub()
    try:
        hub.build()
        hub.publish()
        for done, hours, outcome in told:
            change_all(hub, done)
            later(hub, hours)
            hub.build()
            assert hub.differences() == {}
            {"publish": hub.publish, "hold": hub.hold, "back": hub.publish}[outcome]()
            if outcome == "back":
                hub.go_back()
    finally:
        hub.close()


def test_a_quiet_day_touches_nobody(hub: Hub) -> None:
    later(hub, 1)
    hub.build()
    assert how_built(hub.con).whole is None
    assert how_built(hub.con).customers == 0
    assert hub.differences() == {}


def test_each_kind_of_change_alone(hub: Hub) -> None:
    for word in WORDS:
        change_all(hub, [(word, *numbers) for numbers in ((0, 1, 2), (1, 4, 3), (2, 0, 4), (3, 2, 1))])
        later(hub, 5)
        hub.build()
        assert how_built(hub.con).whole is None, word
        assert hub.differences() == {}, word
        hub.publish()


@pytest.mark.parametrize("days_gone", [1, 40, 365])
def test_days_that_bring_nothing_but_themselves(hub: Hub, days_gone: int) -> None:
    """Trust decays, overrides expire, orders leave the last year."""
    hub.change(("override", 0, 1, 1))
    hub.build()
    hub.publish()
    later(hub, 24 * days_gone)
    hub.build()
    assert how_built(hub.con).whole is None
    assert hub.differences() == {}


def test_what_a_held_load_took_in_counts_again_in_the_next(hub: Hub) -> None:
    hub.change(("order", 3, 2, 1))
    hub.change(("owner", 1, 5, 0))
    hub.build()
    hub.hold()
    hub.change(("party", 4, 2, 2))
    later(hub, 2)
    hub.build()
    assert how_built(hub.con).whole is None
    assert hub.differences() == {}


def test_a_build_that_breaks_off_leaves_nothing_behind(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    hub.change(("order", 3, 2, 1))
    with monkeypatch.context() as patched:
        patched.setattr(touched, "add_history", broken)
        with pytest.raises(OSError, match="no space"):
            hub.build()
    hub.build()
    assert how_built(hub.con).whole is None
    assert hub.differences() == {}


def test_what_a_load_before_the_last_two_was_made_from_is_not_known(hub: Hub) -> None:
    for n in (1, 2):
        hub.change(("order", 3, n, 1))
        hub.build()
        hub.publish()
    hub.go_back()
    hub.build()
    assert how_built(hub.con).whole is None
    assert hub.differences() == {}
    hub.publish()
    hub.go_back()
    hub.go_back()
    hub.go_back()
    hub.build()
    assert "not known any more" in str(how_built(hub.con).whole)


def test_other_rules_have_everything_made_from_scratch(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "rules_digest", lambda _: "others")
    hub.build()
    assert "rules changed" in str(how_built(hub.con).whole)


@pytest.mark.parametrize(
    ("limit", "value", "why"), [("MOST_TOUCHED", 0.01, "inputs changed"), ("FEWEST_INPUTS", 10_000, "quickly")]
)
def test_many_changes_and_few_inputs_have_everything_made_from_scratch(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, limit: str, value: float, why: str
) -> None:
    for n in range(4):
        hub.change(("order", n, 3, 3))
    monkeypatch.setattr(build, limit, value)
    hub.build()
    assert why in str(how_built(hub.con).whole)


def test_what_decides_which_company_a_customer_belongs_to_is_part_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = GoldenSettings(("shop",))
    before = basis.rules_digest(chosen)
    monkeypatch.setattr(basis, "account_rules", lambda: [("accounts.sql", "SELECT 1")])
    assert basis.rules_digest(chosen) != before
