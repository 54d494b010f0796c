"""What the golden tables cost: ``python -m bench.golden --records 1000000 --facts 3000000 --folder DIR`` prints a Markdown table.

A hub is made whose sources are files (``bench.golden_world``), read into raw, and then built by the steps of ``pipelines.build``,
each in a process of its own: staging with its row rules, identity, the golden tables, the gate, publishing. Beside them stands
DuckDB's own ``COPY FROM DATABASE`` of the file that was published. Then comes a day on which one row of a hundred is new or
changed, built a day later. CPU seconds are of all threads, peaks the process's greatest resident set. Great Expectations and pandas
are imported before the clock starts: a sync imports them once, for all its steps and however large its tables (see `bench.sync`).

With ``--profile`` each step also lists the statements that took most CPU seconds. Sizes that are already there are not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial, wraps
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from bench.golden_world import make, next_day
from bench.memory import peak_gb
from bench.statements import noting

DAYS = {"first load": 0, "1 % changed, a day later": 1}
STEPS = ("read", "stage", "resolve", "build", "gate", "publish", "copy")
TITLES = {
    "read": "files into raw",
    "stage": "staging, row rules included",
    "resolve": "identity",
    "build": "golden build",
    "gate": "gate: measure, judge, digest",
    "publish": "publish to DuckDB",
    "copy": "DuckDB's COPY FROM DATABASE",
}
LISTED = 25
Figures = dict[str, Any]


def main() -> None:
    """Measure and print, or run one step in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--facts", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True, help="where the hub is made; the largest size takes some 10 GB")
    parser.add_argument("--profile", action="store_true", help="list the statements that took most CPU seconds")
    parser.add_argument("--from-step", choices=STEPS, default="read", help="begin here, with what an earlier run left")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--day", type=int, default=0, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.step:
        print(json.dumps(stepped(chosen.folder, chosen.step, chosen.day, chosen.profile)))
        return
    folder = chosen.folder / f"golden-{chosen.records}-{chosen.facts}-{chosen.seed}"
    if chosen.from_step == "read" and not (folder / "hub.yaml").exists():
        make(folder, chosen.records, chosen.facts, chosen.seed)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__};", end=" "
    )
    print(f"{chosen.records:,} records, {chosen.facts:,} facts; load before {os.getloadavg()[0]:.1f}\n")
    print("| day | step | wall s | CPU s | peak GB | |\n|---|---|---|---|---|---|", flush=True)
    told = []
    for title, day in DAYS.items():
        if day:
            next_day(folder)
        for step in STEPS:
            if day == 0 and STEPS.index(step) < STEPS.index(chosen.from_step):
                continue
            figures = _child(folder, step, day, chosen.profile)
            told.append((title, step, figures))
            about = ", ".join(f"{name} {value}" for name, value in figures["about"].items())
            print(
                f"| {title} | {TITLES[step]} | {figures['wall']:.1f} | {figures['cpu']:.1f} | {figures['peak']:.2f} | {about} |",
                flush=True,
            )
    for title, step, figures in told:
        if figures["statements"]:
            print(f"\n{title}, {TITLES[step]}: {sum(s for _, s in figures['statements']):.1f} s in statements\n")
            for text, seconds in figures["statements"][:LISTED]:
                print(f"    {seconds:7.2f}  {text[:150]}")


def _child(folder: Path, step: str, day: int, profile: bool) -> Figures:
    command = [sys.executable, "-m", "bench.golden", "--folder", str(folder), "--step", step, "--day", str(day)]
    done = subprocess.run([*command, *(["--profile"] if profile else [])], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"step {step} of day {day} ended with {done.returncode}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def stepped(folder: Path, step: str, day: int, profile: bool) -> Figures:
    """Run one step as `pipelines.build` does, and say what it took."""
    from expectations.gx_import import import_gx
    from pipelines import build
    from pipelines.config import load_config
    from pipelines.context import Hub
    from warehouse import control
    from warehouse.control import utcnow

    import_gx()
    hub = Hub(load_config(folder / "hub.yaml"))
    run: dict[str, Callable[[], Any]] = {
        "read": partial(_read, hub),
        "stage": partial(_stage, hub, f"day-{day}"),
        "resolve": partial(_resolve, hub, f"day-{day}"),
        "build": partial(_build, hub, f"day-{day}"),
        "gate": partial(_gate, hub, f"day-{day}"),
        "publish": partial(_publish, hub, f"day-{day}"),
        "copy": partial(_copy, hub),
    }
    statements: list[tuple[str, float]] = []
    with ExitStack() as stack:
        later = utcnow() + timedelta(days=day)
        for module in (build, control):
            stack.enter_context(mock.patch.object(module, "utcnow", return_value=later))
        if profile:
            statements = stack.enter_context(noting())
        began, cpu = time.perf_counter(), time.process_time()
        about = run[step]()
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    hub.close()
    figures = {"wall": wall, "cpu": cpu, "peak": peak_gb(), "about": about}
    return figures | {"statements": sorted(statements, key=lambda noted: -noted[1])[: 2 * LISTED]}


def _connectors(hub: Any) -> list[Any]:
    return [hub.config.connector(name) for name in hub.config.enabled()]


def _read(hub: Any) -> Figures:
    from pipelines.ingest import SyncRef, ingest_stream

    rows = 0
    for connector in _connectors(hub):
        for stream in connector.streams():
            report = ingest_stream(hub, connector, stream, SyncRef(f"{connector.name}-{stream.name}-{time.time_ns()}"))
            rows += report.counts.inserted + report.counts.updated
    return {"rows": f"{rows:,}"}


def _stage(hub: Any, run_id: str) -> Figures:
    from pipelines import build
    from pipelines.plan import plan_build

    spent: defaultdict[str, float] = defaultdict(float)
    judge = build._judge_rows

    @wraps(judge)
    def timed(*given: Any, **named: Any) -> Any:
        began, cpu = time.perf_counter(), time.process_time()
        try:
            return judge(*given, **named)
        finally:
            spent["wall"] += time.perf_counter() - began
            spent["cpu"] += time.process_time() - cpu

    connectors = _connectors(hub)
    with mock.patch.object(build, "_judge_rows", timed):
        done = build.stage(hub, connectors, digest=plan_build(hub, connectors).digest, run_id=run_id)
    rejected = sum(sum(staged.rejected.values()) for staged in done.values())
    return {"row rules s": f"{spent['wall']:.1f}", "CPU s": f"{spent['cpu']:.1f}", "quarantined": f"{rejected:,}"}


def _resolve(hub: Any, run_id: str) -> Figures:
    from pipelines.build import resolve_identity

    return {"records": f"{resolve_identity(hub, run_id=run_id).records:,}"}


def _build(hub: Any, run_id: str) -> Figures:
    from pipelines.build import build

    deltas = build(hub, run_id=run_id).deltas.values()
    changed = sum(delta.inserted + delta.changed + delta.removed for delta in deltas)
    return {"rows": f"{sum(delta.rows for delta in deltas):,}", "of them new or changed": f"{changed:,}"}


def _gate(hub: Any, run_id: str) -> Figures:
    from pipelines.build import judge_candidate

    verdict = judge_candidate(hub, _connectors(hub), run_id=run_id)
    if verdict.decision == "hold":
        sys.exit("\n".join(result.message for result in verdict.results if result.check_id in verdict.blocking))
    return {"verdict": verdict.decision, "failed": "+".join((*verdict.blocking, *verdict.warnings)) or "none"}


def _publish(hub: Any, run_id: str) -> Figures:
    from pipelines.publishing import publish_candidate

    publish_candidate(hub, run_id=run_id)
    return {"MB": round(hub.config.warehouse.golden.resolve().stat().st_size / 1e6)}


def _copy(hub: Any) -> Figures:
    from warehouse.connection import connect

    place = hub.config.warehouse.golden.with_name("copy.duckdb")
    place.unlink(missing_ok=True)
    con = connect(None)
    con.execute(f"ATTACH '{hub.config.warehouse.golden.resolve()}' AS live (READ_ONLY); ATTACH '{place}' AS other")
    con.execute("COPY FROM DATABASE live TO other")
    con.close()
    size = place.stat().st_size
    place.unlink()
    return {"MB": round(size / 1e6)}


if __name__ == "__main__":
    main()
