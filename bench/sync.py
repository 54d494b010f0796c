"""`make bench`: wall and CPU seconds of a first, a day-2 and an empty sync of the demo's four systems, and what of it is start-up.

Each sync is a process of its own, `hub sync`, against one sandbox in another process; CPU seconds are those of the sync's process
and of all that it started, not the sandbox's. `python -m bench.sync --people 5000 --seed 1`; with `--all` eight vendors, two
databases and a file, and when each of them was done.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from connectors.sandbox import SandboxHandle, running
from connectors.sandbox.systems import systems

ROOT = Path(__file__).resolve().parents[1]
_FIELDS = {"full_name": "name", "email": "email"}
_SUBREAPER = 36  # prctl: who is left behind by a sync becomes a child of this process, so that its seconds are counted


def timed(command: list[str], cwd: Path) -> tuple[float, float, str, str]:
    """Wall seconds, CPU seconds, standard output and standard error of a command."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    wall = time.monotonic() - started
    with suppress(ChildProcessError):
        while True:
            os.wait()  # the server that forked the readers
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr or done.stdout}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout, done.stderr


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.people, options.seed, everything=options.all)


def measure(folder: Path, people: int, seed: int, *, everything: bool) -> None:
    """One run over three syncs in a folder of its own."""
    hub = str(Path(sys.executable).with_name("hub"))
    load = "import pipelines.runner, pipelines.config as c, pipelines.context as x, pipelines.definitions as d"
    start_up = [sys.executable, "-c", f"{load}; d.build_defs(x.Hub(c.load_config()))"]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {people} people, seed {seed}\n")
    print("| step | wall s | CPU s | rows in | loaded | unchanged |\n|---|---|---|---|---|---|")
    log = ""
    with running(seed=seed, people=people, state_dir=folder / "sandbox") as sandbox:
        os.environ["HUB_SANDBOX_URL"] = sandbox.base_url
        for name in ("hub.yaml", "rates.csv"):
            shutil.copy(ROOT / name, folder)
        if everything:
            _add_the_others(folder, sandbox)
        wall, cpu, _, _ = timed(start_up, folder)
        print(f"| process start-up alone (imports, definitions) | {wall:.1f} | {cpu:.1f} | | | |")
        for step in ("first sync", "empty sync", "day-2 sync", "empty sync"):
            if step == "day-2 sync":
                sandbox.advance(1)
            wall, cpu, output, log = timed([hub, "--log-format", "json", "sync", "--json"], folder)
            totals = json.loads(output)["sources"]
            counts = [sum(source[name] for source in totals) for name in ("rows_in", "loaded", "unchanged")]
            print(f"| {step} | {wall:.1f} | {cpu:.1f} | " + " | ".join(f"{count:,}" for count in counts) + " |", flush=True)
    if everything:
        _print_course(log)


def _add_the_others(folder: Path, sandbox: SandboxHandle) -> None:
    """The other four vendors, two databases and a file."""
    config: dict[str, Any] = yaml.safe_load((folder / "hub.yaml").read_text())
    for system in systems():
        os.environ.update(system.env)
        config["sources"][system.name] = {**system.source, "base_url": sandbox.url(system.name)}
    clients = [(n, f"Client Number{n}", f"client{n}@firm{n}.example", f"2026-01-{1 + n % 28:02}T00:00:00Z") for n in range(60)]
    for name in ("erp", "till"):
        with closing(sqlite3.connect(folder / f"{name}.db")) as con, con:
            con.execute("CREATE TABLE clients (id INTEGER PRIMARY KEY, name TEXT, email TEXT, changed TEXT)")
            con.executemany("INSERT INTO clients VALUES (?, ?, ?, ?)", clients)
        stream = {"table": "clients", "kind": "party", "id": "id", "fields": _FIELDS}
        os.environ[f"{name.upper()}_URL"] = f"sqlite:///{folder / name}.db"
        config["sources"][name] = {"type": "sql", "url": f"${{{name.upper()}_URL}}", "streams": {"clients": stream}}
    lines = [json.dumps({"id": n, "name": f"Contact Number{n}", "email": f"c{n}@old{n}.example"}) for n in range(40)]
    (folder / "contacts.jsonl").write_text("\n".join(lines))
    contacts = {"path": "contacts.jsonl", "kind": "party", "id": "id", "fields": _FIELDS}
    config["sources"]["old_crm"] = {"type": "files", "streams": {"contacts": contacts}}
    (folder / "hub.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def _print_course(log: str) -> None:
    """When each source of the last sync was done, by its log."""
    said = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    done = {line["source"]: datetime.fromisoformat(line["time"]) for line in said if line["source"]}
    first = min(done.values())
    print("\n| source of the last sync | seconds after the first stream of all |\n|---|---|")
    for source, at in sorted(done.items(), key=lambda item: item[1]):
        print(f"| {source} | {(at - first).total_seconds():.1f} |")


if __name__ == "__main__":
    main()
