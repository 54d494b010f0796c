"""`python -m bench.latency`: seconds to sync sources whose vendor takes a while to answer, one stream at a time and several.

The sandbox stands behind a proxy that holds each answer back, as a far vendor does. A sync here is a source's Dagster run: read and
taken in, without the build. `--milliseconds 200 --people 1000 --seed 1 --at-a-time 1 4`
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import yaml

from connectors.sandbox import credentials, running
from connectors.sandbox.systems import systems
from pipelines.config import load_config
from pipelines.context import Hub
from pipelines.definitions import build_defs
from pipelines.source_runs import SyncOptions, sync_source
from warehouse import control_tables as t

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("stripe", "xero", "google_ads", "meta", "shopify", "zendesk")
_PASSED_ON = ("content-type", "retry-after", "x-ratelimit-remaining", "x-minlimit-remaining")


@contextmanager
def far_away(vendor: str, seconds: float) -> Iterator[str]:
    """A proxy to a vendor that answers so many seconds later; its URL."""

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")}
            answer = client.request(self.command, f"{vendor}{self.path}", content=body, headers=headers)
            time.sleep(seconds)
            self.send_response(answer.status_code)
            for name in _PASSED_ON:
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = _pass_on

        def log_message(self, *args: Any) -> None:
            """Keep the table clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with httpx.Client(timeout=60, trust_env=False, limits=httpx.Limits(max_connections=None)) as client:
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()


def measure(folder: Path, source: dict[str, Any], name: str) -> list[tuple[float, int, int]]:
    """Seconds, requests and rows of a first sync and of one that finds nothing new."""
    folder.mkdir()
    (folder / "hub.yaml").write_text(yaml.safe_dump({"sources": {name: source}}))
    hub, found = Hub(load_config(folder / "hub.yaml")), []
    with dg.DagsterInstance.ephemeral() as instance:
        for batch in ("first", "second"):
            defs, started = build_defs(hub), time.monotonic()
            said = sync_source(hub, defs, instance, name, batch, SyncOptions())
            seconds = time.monotonic() - started
            if said:
                raise SystemExit(said)
            rows = hub.control.rows(t.sync_run.select().where(t.sync_run.c.batch_id == batch))
            found.append((seconds, sum(row["api_calls"] for row in rows), sum(row["rows_inserted"] for row in rows)))
    hub.close()
    return found


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--milliseconds", type=int, default=200)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-a-time", type=int, nargs="+", default=[1, 4])
    options = parser.parse_args()
    os.environ.update(credentials.env() | {name: value for system in systems() for name, value in system.env.items()})
    sources: dict[str, Any] = yaml.safe_load((ROOT / "hub.yaml").read_text())["sources"]
    sources |= {system.name: dict(system.source) for system in systems()}
    sources["zendesk"]["exports_per_minute"] = 1000
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {options}\n")
    print(
        "| source | streams at a time | first sync s | requests | rows | empty sync s | requests |\n|---|---|---|---|---|---|---|"
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        running(seed=options.seed, people=options.people, state_dir=Path(folder) / "sandbox") as sandbox,
    ):
        for name in SOURCES:
            with far_away(sandbox.url(name), options.milliseconds / 1000) as url:
                for at_a_time in options.at_a_time:
                    source = {**sources[name], "base_url": url, "streams_at_a_time": at_a_time}
                    first, empty = measure(Path(folder) / f"{name}-{at_a_time}", source, name)
                    print(f"| {name} | {at_a_time} | {first[0]:.1f} | {first[1]} | {first[2]:,} | {empty[0]:.1f} | {empty[1]} |")


if __name__ == "__main__":
    main()
