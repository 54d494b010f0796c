"""A few days in the life of two hubs over the same sources: one is left in peace, one is killed time and again and then finished.

Each day both must have the same in raw, in the crosswalk and registry, and in golden. Both were given the same secret that customer
IDs are made from, so that the IDs themselves are compared.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import yaml

from bench.chaos import processes
from bench.chaos.marks import STAGES
from bench.chaos.processes import Ended
from bench.chaos.seen import brought, contents, differences
from bench.chaos.world import Crm, config, sandbox
from bench.week.seen import differences as by_records
from pipelines.config import load_config
from pipelines.context import Hub
from pipelines.doctor import examine

DAYS = 7  # as many as a sandbox has before it catches up with the real date
KILLS_A_DAY = 8


@dataclass
class Tally:
    """What was done and found, over all episodes.

    Attributes:
        kills: how often, by stage and by what was killed.
        days: days that were compared.
        in_parts: of them, those at which a load may have been published without a source whose reader had been killed. Which
            customers were known by then decided on new ones' IDs, so these are told by their records, see `bench.week.seen`.
        wrong: what differed, or what the doctor found, one line each.
    """

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    days: int = 0
    in_parts: int = 0
    wrong: list[str] = field(default_factory=list)

    def of_stage(self, stage: str) -> int:
        """Kills that fell in a stage."""
        return sum(count for (fell, _), count in self.kills.items() if fell == stage)

    def of_readers(self) -> int:
        """Kills of a reader alone."""
        return sum(count for (_, how), count in self.kills.items() if how == "reader")


def run(folder: Path, tally: Tally, wanted: int, rng: Random, *, people: int, enough: Callable[[], bool]) -> None:
    """Go on until so many kills are done, it is enough, or the days are over."""
    calm, chaos = folder / "calm", folder / "chaos"
    with sandbox(folder / "sandbox", rng.randrange(1, 10_000), people) as vendors:
        crm = Crm(folder, rng)
        for hub in (calm, chaos):
            hub.mkdir()
            (hub / "hub.yaml").write_text(yaml.safe_dump(config(vendors.base_url, folder), sort_keys=False))
        processes.in_child(lambda: _make_secret(calm))
        shutil.copytree(calm / "data", chaos / "data")
        readers_before = tally.of_readers()
        for day in range(DAYS):
            if day:
                vendors.advance()
                crm.new_day()
            undisturbed = processes.sync(calm)
            _demand_good(undisturbed, calm)
            processes.learn(calm)
            # without a source the first load would learn another model and give other IDs out, so its readers are spared
            victims = ("command", "machine", "reader") if day else ("command", "machine")
            if not _killed_day(chaos, tally, wanted, undisturbed.lasted, rng, victims, enough):
                _demand_good(processes.sync(chaos), chaos)
            tally.days += 1
            # a sync whose reader was killed publishes the other sources: that hub has had a load which the other one has not
            in_parts = tally.of_readers() > readers_before
            tally.in_parts += in_parts
            tally.wrong += [f"day {day} of {folder}: {line}" for line in processes.in_child(partial(_wrong, calm, chaos, in_parts))]
            if tally.wrong or tally.kills.total() >= wanted or enough():
                return


def _killed_day(
    hub: Path,
    tally: Tally,
    wanted: int,
    usual: dict[str, float],
    rng: Random,
    victims: tuple[str, ...],
    enough: Callable[[], bool],
) -> bool:
    """Kill one sync after the other; whether the last one was quicker, and did all there was to do."""
    for _ in range(KILLS_A_DAY):
        if tally.kills.total() >= wanted or enough():
            return False
        fewest = min(tally.of_stage(stage) for stage in STAGES)
        aim = rng.choice([stage for stage in STAGES if tally.of_stage(stage) <= fewest + 1])
        ended = processes.killed_sync(hub, aim, usual, rng, victims)
        if ended.stage is None:
            _demand_good(ended, hub)
            return True
        tally.kills[ended.stage, ended.how] += 1
    return False


def _demand_good(ended: Ended, hub: Path) -> None:
    if ended.code != 0:
        raise RuntimeError(f"a sync of {hub} that nobody killed ended with {ended.code}: {ended.complained or ended.said}")


def _make_secret(root: Path) -> None:
    hub = Hub(load_config(root / "hub.yaml"))
    hub.control.secret("id_secret")
    hub.close()


def _wrong(calm: Path, chaos: Path, in_parts: bool) -> list[str]:
    differing = differences(calm, chaos, brought if in_parts else contents)
    lines = [f"{table} differs: {rows}" for table, rows in differing.items()]
    if in_parts:
        lines += by_records(calm, chaos)
    hub = Hub(load_config(chaos / "hub.yaml"))
    found: list[Any] = [one for one in examine(hub) if one.severity != "ok" and one.check != "disk_space"]
    hub.close()
    return lines + [f"hub doctor: {one}" for one in found]
