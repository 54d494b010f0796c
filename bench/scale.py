"""How linkage grows with the data: ``python -m bench.scale --records 100000,1000000,10000000 --folder /tmp/scale``.

For each size it makes a population a million records at a time, stages it into a warehouse file and resolves it in a process of its
own, under the memory limit that a sync would set; then it prints a line of JSON: seconds of every part, candidate pairs, peak
memory, precision, recall and F1. Nothing of a size need fit into memory but the entities it is about.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from bench.identity import add, staged
from bench.memory import peak_gb
from bench.people import in_chunks

CHUNK = 1_000_000
# what belongs to which part, by where it is called
PARTS = {
    "nodes": ("linkage.make_nodes",),
    "blocking": ("engine.block",),
    "comparison": ("engine.run",),
    "model": ("linkage._new_model",),
    "weights": ("linkage.weigh", "engine.link"),
    "clusters": ("linkage.make_clusters",),
    "keys": ("linkage.run",),
    "IDs": ("resolution.assign", "resolution.churn"),
    "review queue": ("resolution.queue",),
    "state for the next load": ("state.save", "state.save_blocks", "state.stamp"),
}
Figures = dict[str, Any]


def main() -> None:
    """Entry point of ``python -m bench.scale``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", default="100000,1000000", help="sizes, separated by commas")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True, help="where warehouses are made; 10,000,000 records take some 30 GB")
    parser.add_argument("--resolve", help=argparse.SUPPRESS)  # the child: which warehouse
    chosen = parser.parse_args()
    if chosen.resolve:
        print(json.dumps(resolved(Path(chosen.resolve))))
        return
    for records in (int(size) for size in chosen.records.split(",")):
        chosen.folder.mkdir(parents=True, exist_ok=True)
        path = chosen.folder / f"people-{records}-{chosen.seed}.duckdb"
        if not path.exists():
            prepare(path, records, chosen.seed)
        command = [sys.executable, "-m", "bench.scale", "--folder", str(chosen.folder), "--resolve", str(path)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        print(json.dumps({"seed": chosen.seed, **json.loads(done.stdout.splitlines()[-1])}), flush=True)


def prepare(path: Path, records: int, seed: int) -> None:
    """Makes a warehouse of a population; it has its name only once it is whole."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    chunks = in_chunks(records, seed, CHUNK)
    with staged(next(chunks), path=unfinished) as con:
        for chunk in chunks:
            add(con, chunk)
    unfinished.rename(path)


def resolved(path: Path) -> Figures:
    """Resolves a warehouse, without leaving anything in it that the next run would see, and compares it with the truth."""
    import recordlinkage.algorithms.nb_sklearn  # noqa: F401  its import takes seconds and is no part of the measurement

    from hub.identity import IdentitySettings, evaluate, resolve
    from pipelines.build import linkage_memory
    from warehouse.connection import frugal

    con = duckdb.connect(str(path))
    con.execute("SET temp_directory = ?", [f"{path}.spill"])
    con.execute("DROP SCHEMA IF EXISTS linkage CASCADE")
    parts: defaultdict[str, float] = defaultdict(float)
    started, cpu = time.perf_counter(), time.process_time()
    limit = linkage_memory(con)
    with frugal(con, limit), _timed(parts):
        now = datetime(2026, 1, 1, tzinfo=UTC)
        report = resolve(con, IdentitySettings(), run_id="scale", now=now, id_secret=b"bench", live=None)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = peak_gb()
    found = evaluate(con, "identity.customer_xref", "truth")
    parts["writing"] = seconds - sum(parts.values())
    return {
        "records": report.records,
        "candidate_pairs": report.candidate_pairs,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "parts": {part: round(spent, 1) for part, spent in parts.items()},
        "memory_limit": limit,
        "peak_rss_gb": round(peak, 2),
        "precision": round(found.precision, 4),
        "recall": round(found.recall, 4),
        "f1": round(found.f1, 4),
        "largest_cluster": found.largest_cluster,
        "largest_entity": found.largest_entity,
        "model": report.model_origin,
    }


@contextmanager
def _timed(parts: defaultdict[str, float]) -> Iterator[None]:
    """Adds up seconds by part while it lasts; what one part calls of another counts for the outer one."""
    running: list[str] = []

    def watched(part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def timed(*given: Any, **named: Any) -> Any:
            if running:
                return call(*given, **named)
            running.append(part)
            began = time.perf_counter()
            try:
                return call(*given, **named)
            finally:
                parts[part] += time.perf_counter() - began
                running.pop()

        return timed

    with ExitStack() as patches:
        for part, places in PARTS.items():
            for place in places:
                target = f"hub.identity.{place}"
                module, name = target.rsplit(".", 1)
                patches.enter_context(mock.patch(target, watched(part, getattr(sys.modules[module], name))))
        yield


if __name__ == "__main__":
    main()
