"""The golden bench runs what a build runs, on a first day and on one that changed a little, and both publish what was built."""

from __future__ import annotations

from pathlib import Path

from bench.golden import STEPS, stepped
from bench.golden_world import make, next_day
from pipelines.config import load_config
from pipelines.context import Hub
from tests.pipelines.days import different


def test_both_days_publish_what_was_built(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    make(folder, records=1_000, facts=4_000, seed=1)
    hub = Hub(load_config(folder / "hub.yaml"))
    told = {}
    for day in (0, 1):
        if day:
            next_day(folder)
        told |= {(day, step): stepped(folder, step, day, profile=step == "build") for step in STEPS}
        assert different(hub) == {}
    hub.close()
    assert told[0, "gate"]["about"]["verdict"] == told[1, "gate"]["about"]["verdict"] == "pass"
    assert told[0, "build"]["statements"]
    assert min(figures["cpu"] for figures in told.values()) > 0
    rows, new = (int(told[1, "build"]["about"][name].replace(",", "")) for name in ("rows", "of them new or changed"))
    assert 0 < new < rows / 2
