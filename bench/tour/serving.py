"""The real Dagster webserver and daemon over a hub, for as long as a with block lasts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import httpx

from pipelines.config import load_config
from pipelines.instance import ensure_home, open_instance

_FRESHNESS = dg.AssetKey(["raw", "crm", "deals"])


@contextmanager
def serving(root: Path, patience: float = 240.0) -> Iterator[str]:
    """The UI's address, once it knows all assets and how fresh they are. Raises `RuntimeError` if it does not get there."""
    port = _free_port()
    home = ensure_home(load_config(root / "hub.yaml"))
    environment = {**os.environ, "DAGSTER_HOME": str(home), "HUB_CONFIG": str(root / "hub.yaml")}
    of_dagster = {
        "dagster_webserver": ["-h", "127.0.0.1", "-p", str(port)],
        "dagster._daemon": ["run"],
    }
    with tempfile.TemporaryFile("w+") as log:
        started = [
            # a session of its own, so that the code servers end with it
            subprocess.Popen(
                [sys.executable, "-m", module, *arguments, "-m", "pipelines.definitions"],
                cwd=root,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            for module, arguments in of_dagster.items()
        ]
        try:
            base_url = f"http://127.0.0.1:{port}"
            until = time.monotonic() + patience
            while not (_knows_assets(base_url) and _judged_freshness(root)):
                if time.monotonic() > until or any(process.poll() is not None for process in started):
                    log.seek(0)
                    raise RuntimeError(f"the Dagster UI did not become ready: {log.read()[-3000:]}")
                time.sleep(1.0)
            yield base_url
        finally:
            for process in started:
                _end(process)


def graphql(base_url: str, query: str) -> dict[str, object]:
    """The answer to a GraphQL query."""
    answer = httpx.post(f"{base_url}/graphql", json={"query": query}, timeout=60.0).json()
    data: dict[str, object] = answer["data"]
    return data


def _knows_assets(base_url: str) -> bool:
    try:
        return bool(graphql(base_url, "{ assetNodes { id } }")["assetNodes"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return False


def _judged_freshness(root: Path) -> bool:
    with open_instance(load_config(root / "hub.yaml")) as instance:
        record = instance.get_freshness_state_records([_FRESHNESS]).get(_FRESHNESS)
    return record is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    # its group holds only what it started
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
