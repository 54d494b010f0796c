"""A clock that jumps: what is noted stays in its order, and a load is of the day that the clock shows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bench.chaos.seen import differences
from pipelines.doctor import examine
from tests.clock import clock_ahead
from tests.pipelines.days import ORDERS, Days, copied, order, second_day
from warehouse import control_tables as t
from warehouse.publish import kept_loads, live_load

TWO_DAYS = timedelta(days=2)


@pytest.fixture
def days(settled_days: Path, tmp_path: Path) -> Days:
    (tmp_path / "jumps").mkdir()
    return copied(settled_days, tmp_path / "jumps")


def one_more(days: Days, number: int) -> None:
    """A day more, with a customer who moves and one who is a new one."""
    files = second_day()
    files["orders"] += [order(n) for n in range(ORDERS + 8, ORDERS + 8 + 2 * number)]
    files["customers"][number]["city"] = "Hull"
    files["contacts"].pop(number + 20)
    days.write(files)


@pytest.mark.parametrize("jumps", [(TWO_DAYS, timedelta()), (-TWO_DAYS, timedelta())], ids=["ahead and back", "back and ahead"])
def test_loads_and_syncs_of_a_clock_that_jumps_stay_in_their_order(
    days: Days, settled_days: Path, tmp_path: Path, jumps: tuple[timedelta, ...]
) -> None:
    (tmp_path / "calm").mkdir()
    calm = copied(settled_days, tmp_path / "calm")
    made = []
    for number, ahead in enumerate(jumps, 1):
        one_more(days, number)
        one_more(calm, number)
        assert calm.load() is not None
        with clock_ahead(ahead):
            verdict = days.load()
            assert verdict is not None
            assert verdict.decision == "pass", [r.message for r in verdict.results if r.status == "failed"]
        made.append(verdict.load_id)
    with days.world.hub() as hub:
        newest = hub.control.last_load()
        assert newest is not None
        assert (newest["load_id"], newest["status"]) == (made[-1], "published")
        assert kept_loads(hub.config.warehouse)[-2:] == made
        assert live_load(hub.config.warehouse) == made[-1]
        syncs = hub.control.rows(sa.select(t.sync_run).order_by(sa.literal_column("rowid")))
        assert all(row["started_at"] <= row["ended_at"] for row in syncs)
        assert [row["started_at"] for row in syncs] == sorted(row["started_at"] for row in syncs)
    assert days.load() is None, "what did not change is built once"
    assert days.world.ask("SELECT count(*) FROM identity.customer_xref WHERE valid_to < valid_from") == [(0,)]
    assert days.world.ask("SELECT count(*) FROM golden.customer_history WHERE superseded_at < recorded_at") == [(0,)]
    assert differences(calm.root, days.root).keys() <= {
        "golden.customer_history",
        "golden.reporting",
    }  # stamped when the day changed


def test_a_day_that_a_wrong_clock_named_does_not_stay(days: Days) -> None:
    one_more(days, 1)
    with clock_ahead(timedelta(days=3650)):
        days.load()
    one_more(days, 2)
    assert days.load() is not None
    assert days.world.ask("SELECT as_of_date = (now() AT TIME ZONE 'UTC')::DATE FROM golden.reporting") == [(True,)]


def test_the_doctor_says_that_the_clock_went_back(days: Days) -> None:
    with days.world.hub() as hub:
        assert "clock" not in {found.check for found in examine(hub) if found.severity != "ok"}
    one_more(days, 1)
    with clock_ahead(TWO_DAYS):
        days.load()
    with days.world.hub() as hub:
        (found,) = [found for found in examine(hub) if found.check == "clock"]
    assert found.severity == "warning"
    assert "48 hours ahead" in found.what
