"""`make bench-ingest`: rows per second into raw and peak memory, per kind of source, next to dlt on the same source in one run.

Ours is a sync of one stream as `hub sync` does it: read, landed as Parquet, taken into raw with its cursor. dlt's is a pipeline
of its own (REST source, `sql_database` with its Arrow backend, filesystem with `read_csv`) into DuckDB with Parquet as its load
format. Both begin with nothing. Each runs in a process of its own; imports are not counted, CPU seconds are those of all its
threads and not of the server, memory is its greatest resident set. Rows are made beforehand; PostgreSQL is at BENCH_POSTGRES_URL,
or on this machine.

    python -m bench.ingest --rows 200000 --kinds http,sql,files --dlt .venv-bench/bin/python

On a machine that others use too, `--rounds 5` measures both by turns and prints the medians; the last column is then the median of
the rounds' quotients, and which quotients there were, by wall and by CPU seconds.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from bench.ingest_rows import COLUMNS, flats

ROOT = Path(__file__).resolve().parents[1]
POSTGRES = os.environ.get("BENCH_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/test")
TABLE = "hub_bench_ingest"
Figures = dict[str, float]
_FIELDS = {"full_name": "name", "email": "email", "phone": "phone", "city": "city", "country": "country"}


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--kinds", default="http,sql,files")
    parser.add_argument("--dlt", help="a Python that has dlt; without it only ours is measured")
    parser.add_argument("--rounds", type=int, default=1, help="how often both are measured, by turns")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # the child: a folder with hub.yaml
    options = parser.parse_args()
    if options.one:
        print(json.dumps(ours(Path(options.one))))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {options.rows:,} rows\n")
    print("| source | ours rows/s | CPU s | peak MB | dlt rows/s | CPU s | peak MB | rows/s to dlt's |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in options.kinds.split(","):
        with tempfile.TemporaryDirectory() as folder, _SOURCES[kind](Path(folder), options.rows) as (source, peer):
            rounds = [_round(Path(folder), source, peer, options.rows, options.dlt) for _ in range(options.rounds)]
            print(_line(kind, [mine for mine, _ in rounds], [theirs for _, theirs in rounds if theirs]), flush=True)


def _round(
    folder: Path, source: dict[str, Any], peer: dict[str, Any], rows: int, dlt: str | None
) -> tuple[Figures, Figures | None]:
    """Ours, then dlt's, both from nothing."""
    for made in (folder / "data", folder / "dlt"):
        shutil.rmtree(made, ignore_errors=True)
    (folder / "dlt.duckdb").unlink(missing_ok=True)
    (folder / "hub.yaml").write_text(yaml.safe_dump({"sources": {"bench": source}}))
    mine = _child([sys.executable, "-m", "bench.ingest", "--one", str(folder)], rows)
    if dlt is None:
        return mine, None
    asked = json.dumps({**peer, "folder": str(folder)})
    return mine, _child([dlt, str(ROOT / "bench" / "ingest_dlt.py"), asked], rows)


def _line(kind: str, mine: list[Figures], theirs: list[Figures]) -> str:
    if not theirs:
        return f"| {kind} | {_figures(mine)} | | | | |"
    pairs = list(zip(mine, theirs, strict=True))
    wall = sorted(ours["rate"] / dlts["rate"] for ours, dlts in pairs)
    cpu = sorted(dlts["cpu_seconds"] / ours["cpu_seconds"] for ours, dlts in pairs)
    more = f" (wall {_range(wall)}, CPU {_range(cpu)})" if len(pairs) > 1 else ""
    return f"| {kind} | {_figures(mine)} | {_figures(theirs)} | {median(wall):.2f}{more} |"


def _figures(told: list[Figures]) -> str:
    rate, cpu = (median(one[name] for one in told) for name in ("rate", "cpu_seconds"))
    return f"{rate:,.0f} | {cpu:.2f} | {max(one['peak_mb'] for one in told):,.0f}"


def _range(values: list[float]) -> str:
    return f"{values[0]:.2f} to {values[-1]:.2f}, median {median(values):.2f}"


def _child(command: list[str], rows: int) -> Figures:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    told: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    if told["rows"] != rows:
        sys.exit(f"{' '.join(command[:3])} loaded {told['rows']} of {rows} rows")
    return {**told, "rate": rows / told["seconds"]}


def ours(folder: Path) -> Figures:
    """Sync the one stream of the hub in a folder; seconds, CPU seconds, rows now in raw, peak memory in MB."""
    from pipelines.config import load_config
    from pipelines.context import Hub
    from pipelines.ingest import SyncRef, ingest_stream

    hub = Hub(load_config(folder / "hub.yaml"))
    connector = hub.config.connector("bench")
    stream = next(s for s in connector.streams() if s.name == "customers")
    started, worked = time.monotonic(), time.process_time()
    report = ingest_stream(hub, connector, stream, SyncRef("bench"))
    seconds, cpu = time.monotonic() - started, time.process_time() - worked
    connector.close()
    hub.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "cpu_seconds": cpu, "rows": report.counts.inserted, "peak_mb": peak}


@contextmanager
def _http(folder: Path, rows: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "bench.ingest_rows", str(port), str(rows)], cwd=ROOT)
    try:
        while True:
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        os.environ["BENCH_API_KEY"] = "sk_test_bench"
        base = f"http://127.0.0.1:{port}"
        yield {"type": "stripe", "base_url": base, "api_key": "${BENCH_API_KEY}", "tax_ids": False}, {"kind": "http", "url": base}
    finally:
        server.kill()
        server.wait()


@contextmanager
def _sql(folder: Path, rows: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    import psycopg
    import sqlalchemy as sa

    url = sa.make_url(POSTGRES).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as con:
        con.execute(f"DROP TABLE IF EXISTS {TABLE}")
        con.execute(
            f"CREATE TABLE {TABLE} (id text PRIMARY KEY, name text, email text, phone text, city text, country text,"
            " balance numeric(12, 2), updated_at timestamptz)"
        )
        with con.cursor().copy(f"COPY {TABLE} FROM STDIN") as copy:
            for row in flats(rows):
                copy.write_row(row)
        con.execute(f"CREATE INDEX ON {TABLE} (updated_at, id)")
        con.execute(f"ANALYZE {TABLE}")
        try:
            os.environ["BENCH_SQL_URL"] = POSTGRES
            stream = {"table": TABLE, "kind": "party", "id": "id", "updated_at": "updated_at", "fields": _FIELDS}
            source = {"type": "sql", "url": "${BENCH_SQL_URL}", "streams": {"customers": stream}}
            yield source, {"kind": "sql", "url": POSTGRES, "table": TABLE}
        finally:
            con.execute(f"DROP TABLE {TABLE}")


@contextmanager
def _files(folder: Path, rows: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    (folder / "in").mkdir()
    with open(folder / "in" / "customers.csv", "w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(COLUMNS)
        writer.writerows(flats(rows))
    stream = {"path": "in/customers.csv", "kind": "party", "id": "id", "fields": _FIELDS}
    yield {"type": "files", "streams": {"customers": stream}}, {"kind": "files", "path": str(folder / "in")}


_SOURCES = {"http": _http, "sql": _sql, "files": _files}


if __name__ == "__main__":
    main()
