"""Runs syncs in children that are killed with SIGKILL at a chosen point or moment, finishes each in another child, and reports what
raw then holds. A process of its own, without threads, so that a child costs a fork and not a start.

    python -m tests.pipelines.kill_driver FOLDER < {"config": {...}, "moments": 20, "seed": 1}

Prints one JSON object: the digest of raw after an unbroken sync, the points there are, and for each kill what was left and found.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

import connectors.landing as landing_module
import warehouse.connection as connection_module
from pipelines.ingest import SyncRef, ingest_stream
from tests.pipelines.world import World
from warehouse.control import ControlStore

_VERSIONS = "SELECT stream, source_record_id, version, op, payload_hash, payload FROM raw.{table} ORDER BY ALL"


class Points:
    """The points at which a process may die: before and after each rename, commit and write of the control store."""

    def __init__(self, fatal: int | None) -> None:
        self.fatal, self.names = fatal, list[str]()

    def passed(self, name: str) -> None:
        self.names.append(name)
        if self.fatal == len(self.names):
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, name: str, act: Callable[[], Any]) -> Any:
        self.passed(f"before {name}")
        done = act()
        self.passed(f"after {name}")
        return done

    def install(self) -> None:
        """Put the points into this process."""
        replace, insert, opened = os.replace, ControlStore._insert, connection_module._open_for_writing

        def watched_replace(source: Any, target: Any) -> None:
            self.around(f"rename to {Path(target).name.split('-')[0]}", lambda: replace(source, target))

        def watched_insert(store: ControlStore, table: Any, rows: Any, **how: Any) -> None:
            written = list(rows)
            if written:
                self.around(f"write of {table.name}", lambda: insert(store, table, written, **how))

        points = self

        class Watched:
            """A connection whose commits are points."""

            def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
                self._con = con

            def execute(self, query: str, *parameters: Any) -> Any:
                if query == "COMMIT":
                    return points.around("commit", lambda: self._con.execute(query))
                return self._con.execute(query, *parameters)

            def __getattr__(self, name: str) -> Any:
                return getattr(self._con, name)

        os.replace = watched_replace  # type: ignore[assignment]
        ControlStore._insert = watched_insert  # type: ignore[method-assign, assignment]
        connection_module._open_for_writing = lambda *args: Watched(opened(*args))  # type: ignore[assignment, return-value]


def sync(root: Path, config: dict[str, Any], fatal: int | None) -> Points:
    """Sync every stream of every source, once."""
    points = Points(fatal)
    points.install()
    landing_module.PART_ROWS = 8
    with World(root, config).hub() as hub:
        for name in hub.config.enabled():
            connector = hub.config.connector(name)
            for stream in connector.streams():
                ingest_stream(hub, connector, stream, SyncRef(f"run-{os.getpid()}-{stream.name}"))
            connector.close()
    return points


def in_child(act: Callable[[], Any], kill_after: float | None = None) -> int:
    """Do something in a child; its wait status."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except BaseException as error:
            sys.stderr.write(f"child: {error!r}\n")
            os._exit(1)
        os._exit(0)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def in_raw(root: Path) -> dict[str, Any]:
    """Rows and a digest of everything in raw, the marks of the run left out."""
    found = hashlib.sha256()
    count = 0
    with duckdb.connect(str(root / "data" / "hub.duckdb"), read_only=True) as con:
        tables = [
            row[0] for row in con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw' ORDER BY 1").fetchall()
        ]
        for table in tables:
            if table == "reject":
                continue
            for row in con.execute(_VERSIONS.format(table=f'"{table}"')).fetchall():
                found.update(repr((table, row)).encode())
                count += 1
        cursors = con.execute("SELECT count(*) FROM ops.sync_cursor").fetchall()[0][0]
        counted = con.execute("SELECT sum(rows_inserted + rows_updated + rows_deleted) FROM ops.raw_load").fetchall()[0][0]
    return {"rows": count, "digest": found.hexdigest(), "cursors": cursors, "counted": int(counted)}


def experiment(root: Path, config: dict[str, Any], fatal: int | None, after: float | None) -> dict[str, Any]:
    """Sync in a child that is killed, finish in another, and look at what there is."""
    root.mkdir()
    status = in_child(lambda: sync(root, config, fatal), after)
    finished = in_child(lambda: sync(root, config, None))
    return {"killed": os.WIFSIGNALED(status) or after is not None, "finished": finished, **in_raw(root)}


def side_by_side(folder: Path, acts: dict[str, Callable[[], dict[str, Any]]]) -> list[dict[str, Any]]:
    """Do things in processes of their own, as many at a time as there are cores; what each found, in order."""
    waiting, running = list(enumerate(acts.values())), 0
    while waiting or running:
        if waiting and running < (os.cpu_count() or 1):
            number, act = waiting.pop(0)
            running += 1
            if os.fork() == 0:
                try:
                    told = act()
                except BaseException as error:
                    told = {"failed": repr(error)}
                (folder / f"{number}.json").write_text(json.dumps(told))
                os._exit(0)
        else:
            os.wait()
            running -= 1
    return [{"at": at, **json.loads((folder / f"{number}.json").read_text())} for number, at in enumerate(acts)]


def main(folder: Path) -> None:
    """See the module."""
    asked = json.load(sys.stdin)
    config, rng = asked["config"], random.Random(asked["seed"])
    unbroken, told = folder / "unbroken", folder / "points.json"
    unbroken.mkdir()
    began = time.monotonic()
    in_child(lambda: told.write_text(json.dumps(sync(unbroken, config, None).names)))
    lasts, names = time.monotonic() - began, json.loads(told.read_text())
    acts: dict[str, Callable[[], dict[str, Any]]] = {}
    for number, name in enumerate(names, 1):
        acts[f"{number}: {name}"] = partial(experiment, folder / f"point-{number}", config, number, None)
    for number in range(asked["moments"]):
        after = rng.uniform(0.0, lasts)
        acts[f"after {after:.4f} s"] = partial(experiment, folder / f"moment-{number}", config, None, after)
    expected, kills = side_by_side(folder, {"unbroken": lambda: in_raw(unbroken)})[0], side_by_side(folder, acts)
    del expected["at"]
    sys.stdout.write(json.dumps({"unbroken": expected, "points": names, "kills": kills}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
