"""`python -m bench.chaos --kills 200 --seed 1`: kills syncs at random moments of all stages, and prints a table per stage.

Exits with 1 if the hub that was killed ever differs from the one that was not. `--minutes` ends it earlier, with what was done till
then; `--folder` keeps the hubs to look at.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from bench.chaos import episode, processes
from bench.chaos.marks import STAGES

_FOR_EACH = 4  # so many kills for each stage, and one that was never hit is a fault
HOW = ("command", "machine", "reader")


def main() -> None:
    """Run episodes until there were enough kills."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        sys.exit(chaos(folder, options.kills, options.seed, options.people, options.minutes))


def chaos(folder: Path, kills: int, seed: int, people: int, minutes: float) -> int:
    """So many kills in a folder; 1 if something differs or, of many, none fell in a stage."""
    rng, tally, began = Random(seed), episode.Tally(), time.monotonic()
    processes.start_server()

    def enough() -> bool:
        return time.monotonic() - began > 60 * minutes

    number = 0
    while tally.kills.total() < kills and not tally.wrong and not enough():
        number += 1
        place = folder / f"episode-{number}"
        place.mkdir(parents=True)
        episode.run(place, tally, kills, rng, people=people, enough=enough)
        print(f"episode {number}: {tally.kills.total()} kills, {tally.days} days compared", file=sys.stderr, flush=True)
    _print(tally, seed, time.monotonic() - began)
    missed = kills >= _FOR_EACH * len(STAGES) and any(tally.of_stage(stage) == 0 for stage in STAGES)
    return 1 if tally.wrong or missed else 0


def _print(tally: episode.Tally, seed: int, seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; seed {seed}\n")
    print("| killed in | kills | the command | the machine | a reader |\n|---|---|---|---|---|")
    for stage in STAGES:
        counts = [tally.kills[stage, how] for how in HOW]
        print(f"| {stage} | {sum(counts)} | " + " | ".join(map(str, counts)) + " |")
    print(f"| all | {tally.kills.total()} | " + " | ".join(str(sum(tally.kills[s, how] for s in STAGES)) for how in HOW) + " |")
    print(
        f"\n{tally.days} days compared, {tally.in_parts} of them without the course of loads, {len(tally.wrong)} differences;"
        f" {seconds:.0f} s, {used.ru_utime + used.ru_stime:.0f} CPU s"
    )
    for line in tally.wrong:
        print(line)


if __name__ == "__main__":
    main()
