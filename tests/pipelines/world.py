"""A whole hub in a folder of its own, fed by the vendor sandbox or by files; syncs run real Dagster runs in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import yaml

from pipelines.config import load_config
from pipelines.context import Hub
from pipelines.runner import SyncOutcome, run_sync
from pipelines.source_runs import SyncOptions
from warehouse.connection import connect, published

ROOT = Path(__file__).resolve().parents[2]
IMPATIENT = {"attempts": 2, "backoff_seconds": 0.0, "timeout_seconds": 5.0}

Command = Callable[..., Any]  # runs `hub`: what the fixture of that name gives


class World:
    """One hub: its folder, its syncs, and questions to what it published."""

    def __init__(self, root: Path, config: dict[str, Any]) -> None:
        self.root = root
        self.configure(config)

    def configure(self, config: dict[str, Any]) -> None:
        """Write hub.yaml."""
        # one source after the other, in this process, where a test can reach into it; a test of many at a time says so
        self.config = {"sync": {"at_a_time": 1}, **config}
        config = self.config
        (self.root / "hub.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def only(self, *sources: str) -> None:
        """Leave out the other sources, for a test that has no need of them."""
        self.configure({**self.config, "sources": {name: self.config["sources"][name] for name in sources}})

    def change(self, source: str, **settings: Any) -> None:
        """Change settings of one source."""
        sources = self.config["sources"]
        self.configure({**self.config, "sources": {**sources, source: {**sources[source], **settings}}})

    @contextmanager
    def hub(self) -> Iterator[Hub]:
        """The hub of this folder, opened as a command would."""
        os.environ.pop("DAGSTER_HOME", None)
        hub = Hub(load_config(self.root / "hub.yaml"))
        try:
            yield hub
        finally:
            hub.close()
            os.environ.pop("DAGSTER_HOME", None)

    def sync(self, *sources: str, **options: Any) -> SyncOutcome:
        """What `hub sync` does."""
        with self.hub() as hub:
            return run_sync(hub, SyncOptions(sources, **options))

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the published load."""
        with self.hub() as hub, published(hub.config.warehouse) as con:
            return con.execute(query, list(parameters)).fetchall()

    @contextmanager
    def working(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The working warehouse, read-only."""
        con = connect(self.root / "data" / "hub.duckdb", read_only=True)
        try:
            yield con
        finally:
            con.close()


def sandbox_config(base_url: str) -> dict[str, Any]:
    """The demo's hub.yaml against a sandbox, with little patience."""
    config: dict[str, Any] = yaml.safe_load(
        (ROOT / "hub.yaml").read_text().replace("${HUB_SANDBOX_URL:-http://127.0.0.1:8377}", base_url)
    )
    for source in config["sources"].values():
        source["retry"] = dict(IMPATIENT)
    config["sources"]["zendesk"]["exports_per_minute"] = 1000
    config["reporting"]["rates"] = str(ROOT / config["reporting"]["rates"])
    return config
