"""Measures linkage side by side and prints a table in Markdown: ``python -m bench.linkage --sets febrl4,20k --splink PYTHON``.

A set is febrl3, febrl4 (either with "+ssn"), 20k, 100k, 1m, a number of records, or a CSV or Parquet file with canonical columns
and entity_id. Each engine runs in a process of its own; its imports and the reading of its input are not counted, its memory is the
greatest resident set of that process.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SMALL = 50_000  # records up to which recordlinkage alone is tried
STEPS = {"ours": "link", "floor": "floor", "recordlinkage_peer": "link"}
HEAD = ("data", "engine", "seconds", "CPU s", "peak GB", "pairs", "clusters at", "precision", "recall", "F1", "largest cluster")
Figures = dict[str, Any]


def main() -> None:
    """Entry point of ``python -m bench.linkage``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="febrl3,febrl4,20k,100k,1m", help="separated by commas")
    parser.add_argument("--seed", type=int, default=1, help="of the generated population")
    parser.add_argument("--splink", help="a Python that has Splink; without it Splink is left out")
    parser.add_argument("--json", type=Path, help="also write every figure into this file")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)  # the child: what to do, where, with what
    options = parser.parse_args()
    if options.step:
        print(json.dumps(_step(*options.step)))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; seed {options.seed}\n")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    told = {name: _measure(name, options.seed, options.splink) for name in options.sets.split(",")}
    if options.json:
        options.json.write_text(json.dumps(told, indent=1))


def _step(what: str, folder: str, *more: str) -> Figures:
    """What a child does."""
    if what == "prepare":
        from bench.linkage.sets import prepare

        return prepare(more[0], int(more[1]), Path(folder))
    if what == "score":
        from bench.linkage.score import score

        return score(Path(folder), list(more))
    engine: Figures = getattr(importlib.import_module(f"bench.linkage.{what}"), STEPS[what])(Path(folder))
    return engine


def _measure(name: str, seed: int, splink: str | None) -> Figures:
    """All engines on one set; prints its lines."""
    with tempfile.TemporaryDirectory() as folder:
        told: Figures = {"set": _child("prepare", folder, name, str(seed))}
        title = f"{Path(name).stem}, {told['set']['records']:,} records"
        engines = ["ours", "floor", *(["splink"] if splink else [])]
        engines += ["recordlinkage_peer"] if told["set"]["records"] <= SMALL else []
        for engine in engines:
            if engine == "splink":
                found = _run([str(splink), str(ROOT / "bench" / "linkage" / "splink_peer.py"), folder])
            else:
                found = _child(engine, folder)
            if engine in ("floor", "splink") and found["pairs"] != told["ours"]["pairs"]:
                sys.exit(f"{engine} compared {found['pairs']} pairs of {name}, ours {told['ours']['pairs']}")
            if found["files"]:
                found["scores"] = _child("score", folder, *found["files"].values())
            told[engine] = found
            _show(title, engine.removesuffix("_peer"), found)
    for what in ("seconds", "cpu"):
        shares = [f"{told['ours'][what] / told[other][what]:.2f} of {other}'s" for other in ("floor", "splink") if other in told]
        print(f"| {title} | *ours in {what}* | {', '.join(shares)} |{' |' * (len(HEAD) - 3)}", flush=True)
    return told


def _show(title: str, engine: str, found: Figures) -> None:
    cost = f"{found['seconds']:.1f} | {found['cpu']:.1f} | {found['peak_gb']:.2f} | {found['pairs']:,}"
    if not found["files"]:
        print(f"| {title} | {engine} | {cost} |{' |' * 5}", flush=True)
        return
    for at, score in _shown(found):
        rates = " | ".join(f"{score[rate]:.4f}" for rate in ("precision", "recall", "f1"))
        largest = f"{score['largest']} (true {score['largest_entity']})"
        print(f"| {title} | {engine} | {cost} | {at} | {rates} | {largest} |", flush=True)


def _shown(found: Figures) -> list[tuple[str, Figures]]:
    """The clusters at .95, where an engine has thresholds, and those of its best threshold."""
    by = {at: found["scores"][name] for at, name in found["files"].items()}
    best = max(by, key=lambda at: float(by[at]["f1"]))
    shown = [(at, by[at]) for at in ("p>=0.95",) if at in by and at != best]
    return [*shown, (f"{best} (best)" if len(by) > 1 else best, by[best])]


def _child(*step: str) -> Figures:
    return _run([sys.executable, "-m", "bench.linkage", "--step", *step])


def _run(command: list[str]) -> Figures:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    found: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
