"""`make bench`: wall and CPU seconds of a first, a day-2 and an empty sync of the demo's four systems, and what of it is start-up.

Each sync is a process of its own, `hub sync`, against one sandbox in another process; CPU seconds are those of the sync's process
and its children, not the sandbox's. `python -m bench.sync --people 5000 --seed 1`
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from connectors.sandbox import running

ROOT = Path(__file__).resolve().parents[1]


def timed(command: list[str], cwd: Path) -> tuple[float, float, str, int]:
    """Wall seconds, CPU seconds, standard output and exit code of a command."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr or done.stdout}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout, done.returncode


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.people, options.seed)


def measure(folder: Path, people: int, seed: int) -> None:
    """One run over three syncs in a folder of its own."""
    shutil.copy(ROOT / "hub.yaml", folder)
    hub = str(Path(sys.executable).with_name("hub"))
    load = "import pipelines.runner, pipelines.config as c, pipelines.context as x, pipelines.definitions as d"
    start_up = [sys.executable, "-c", f"{load}; d.build_defs(x.Hub(c.load_config()))"]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {people} people, seed {seed}\n")
    print("| step | wall s | CPU s | rows in | loaded | unchanged |\n|---|---|---|---|---|---|")
    with running(seed=seed, people=people, state_dir=folder / "sandbox") as sandbox:
        os.environ["HUB_SANDBOX_URL"] = sandbox.base_url
        wall, cpu, _, _ = timed(start_up, folder)
        print(f"| process start-up alone (imports, definitions) | {wall:.1f} | {cpu:.1f} | | | |")
        for step in ("first sync", "empty sync", "day-2 sync", "empty sync"):
            if step == "day-2 sync":
                sandbox.advance(1)
            wall, cpu, output, _ = timed([hub, "sync", "--json"], folder)
            totals = json.loads(output)["sources"]
            counts = [sum(source[name] for source in totals) for name in ("rows_in", "loaded", "unchanged")]
            print(f"| {step} | {wall:.1f} | {cpu:.1f} | " + " | ".join(f"{count:,}" for count in counts) + " |")


if __name__ == "__main__":
    main()
