"""What the next load would do to customer IDs: identity by today's rules on what is in raw, in a copy that is thrown away.

Nothing is read from sources, published, noted or kept; so a changed rule in hub.yaml can be tried before it counts.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from hub.contract.errors import NotFoundError, WarehouseAccessError
from pipelines.build import resolve_staged, stage_all
from pipelines.context import Hub
from warehouse.build_state import new_load_id
from warehouse.connection import writer
from warehouse.control import utcnow
from warehouse.publish import live_attached, live_load
from warehouse.settings import WarehouseSettings

_PREFIX = ".dry-run-"
# what the merge log calls it -> what it does to an ID
WORDS = {"create": "minted", "merge": "merged", "split": "split", "unmerge": "restored", "retire": "retired"}


def dry_run(hub: Hub, notice: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Try the next load.

    Returns:
        ``ids``: how many would be minted, merged, split, restored, retired; ``report``: the resolution's figures; ``events``: each
        change with the IDs and records it is about.

    Raises:
        NotFoundError: nothing is published yet, so that there is nothing to compare with.
        WarehouseBusyError: another process writes the warehouse for longer than the bounded wait.
    """
    if live_load(hub.config.warehouse) is None:
        raise NotFoundError("nothing is published yet, so no ID can change", remedy="run hub sync first")
    connectors = [hub.config.connector(name) for name in hub.config.enabled()]
    notice("trying the rules on what is in raw")
    with _copy(hub.config.warehouse) as copy, writer(copy) as con, live_attached(con, hub.config.warehouse) as live:
        now = utcnow()
        stage_all(con, hub, connectors, now=now)
        report = resolve_staged(con, hub, load_id=new_load_id(now), now=now, live=live)
        events = _events(con, report.run_id)
    ids = {word: len({_id(event) for event in events if event["what"] == word}) for word in WORDS.values()}
    return {"action": "dry_run", "exit_code": 0, "ids": ids, "report": asdict(report), "events": events}


def _id(event: dict[str, Any]) -> str:
    """The ID to which an event happens: of a merge it is the one that ends."""
    return str(event["other_customer_id"] if event["what"] == "merged" else event["customer_id"])


def _events(con: duckdb.DuckDBPyConnection, run_id: str) -> list[dict[str, Any]]:
    query = """
        SELECT event_type, customer_id, other_customer_id, cause, record_keys FROM identity.merge_log
        WHERE run_id = ? ORDER BY event_type, len(record_keys) DESC, customer_id, other_customer_id"""
    names = ("what", "customer_id", "other_customer_id", "cause", "record_keys")
    found = con.execute(query, [run_id]).fetchall()
    return [dict(zip(names, (WORDS[row[0]], *row[1:]), strict=True)) for row in found]


@contextmanager
def _copy(settings: WarehouseSettings) -> Iterator[WarehouseSettings]:
    """Settings of a copy of the working warehouse, on the same disk; it is gone afterwards."""
    folder = settings.path.parent
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"{_PREFIX}{os.getpid()}-") as scratch:
        copied = Path(scratch) / settings.path.name
        with writer(settings) as con:
            _sweep(folder)
            con.execute("CHECKPOINT")
            try:
                shutil.copyfile(settings.path, copied)
            except OSError as error:
                raise WarehouseAccessError(
                    f"cannot copy the warehouse within {folder} ({error.strerror})", remedy="free disk space for a copy of it"
                ) from error
        yield settings.model_copy(update={"path": copied})


def _sweep(folder: Path) -> None:
    """Remove what killed dry runs left behind."""
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(ProcessLookupError):
            os.kill(int(left.name.removeprefix(_PREFIX).split("-")[0]), 0)
            continue
        shutil.rmtree(left, ignore_errors=True)
