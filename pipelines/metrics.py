"""What the hub says of itself to Prometheus.

Read from the control store and the published load, so that it never waits for a sync.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from hub.contract.errors import HubError, WarehouseAccessError
from pipelines.context import Hub
from pipelines.openmetrics import Gauge, exposition
from pipelines.pins import active_pin
from pipelines.report import source_status
from warehouse import control_tables as t
from warehouse.connection import published
from warehouse.control import utcnow
from warehouse.publish import live_load

_RESULTS = ("inserted", "updated", "unchanged", "deleted", "quarantined")
_IDS = {"minted": "created_ids", "merged": "merged_ids", "split": "split_ids", "kept": "kept_ids", "retired": "retired_ids"}


def metrics_text(hub: Hub) -> str:
    """All metrics as OpenMetrics text."""
    return exposition([*_syncs(hub), *_sources(hub), *_gate(hub), *_load(hub)])


def write_metrics(hub: Hub, path: Path) -> None:
    """Write the metrics into a file that is whole whenever somebody reads it, as node_exporter's textfile collector does.

    Raises:
        WarehouseAccessError: the folder cannot be written.
    """
    # not .prom, which the collector would read half written
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    text = metrics_text(hub)
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise WarehouseAccessError(
            f"cannot write {path} ({error.strerror})", remedy="name a file in a folder that can be written"
        ) from error


def _syncs(hub: Hub) -> Iterator[Gauge]:
    """The last ended sync of each stream."""
    ended = Gauge("hub_sync_last_end_timestamp", "When the last sync of the stream ended, in Unix time.", "seconds")
    duration = Gauge("hub_sync_last_duration", "How long the last sync of the stream took.", "seconds")
    succeeded = Gauge("hub_sync_last_succeeded", "Whether the last sync of the stream succeeded (1) or failed (0).")
    age = Gauge("hub_sync_success_age", "Time since a sync of the stream last succeeded.", "seconds")
    rows = Gauge("hub_sync_last_rows", "Rows of the last sync of the stream by what became of them.")
    calls = Gauge("hub_sync_last_api_calls", "Calls to the vendor in the last sync of the stream.")
    retries = Gauge("hub_sync_last_retries", "Calls that had to be repeated in the last sync of the stream.")
    now = utcnow()
    for row in hub.control.last_syncs():
        where = {"source": row["source_system"], "stream": row["stream"]}
        ended.set(_unix(row["ended_at"]), **where)
        duration.set((row["ended_at"] - row["started_at"]).total_seconds(), **where)
        succeeded.set(row["status"] == "succeeded", **where)
        age.set((now - row["succeeded_at"]).total_seconds() if row["succeeded_at"] else None, **where)
        for result in _RESULTS:
            rows.set(row[f"rows_{result}"], **where, result=result)
        calls.set(row["api_calls"], **where)
        retries.set(row["retries"], **where)
    yield from (ended, duration, succeeded, age, rows, calls, retries)


def _sources(hub: Hub) -> Iterator[Gauge]:
    fresh = Gauge("hub_source_fresh", "Whether all streams of the source succeeded within fresh_within_hours.")
    quarantined = Gauge("hub_quarantine_open_rows", "Rows in quarantine that nobody has decided on.")
    for source in source_status(hub):
        if source["enabled"]:
            fresh.set(source["fresh"], source=source["source"])
        quarantined.set(source["in_quarantine"], source=source["source"])
    yield from (fresh, quarantined)


def _gate(hub: Hub) -> Iterator[Gauge]:
    """The newest load that was judged, published or not."""
    newest = hub.control.last_load()
    held = Gauge("hub_load_held", "Whether the gate holds the newest load back.")
    held.set(newest is not None and newest["status"] == "held")
    pinned = Gauge("hub_load_pinned", "Whether an earlier load is pinned, so that none is published.")
    pinned.set(active_pin(hub) is not None)
    failed = Gauge("hub_gate_failed_checks", "Checks of the gate that the newest load failed; critical ones hold it.")
    if newest is not None:
        check = t.check_result.c
        counted = hub.control.rows(
            sa.select(check.severity, sa.func.count().label("n"))
            .where(check.load_id == newest["load_id"], check.status == "failed")
            .group_by(check.severity)
        )
        for severity, n in ({"critical": 0, "warning": 0} | {row["severity"]: row["n"] for row in counted}).items():
            failed.set(n, severity=severity)
    yield from (held, pinned, failed)


def _load(hub: Hub) -> Iterator[Gauge]:
    """What analysts see; nothing before the first load, nor where its file cannot be read, which `hub doctor` tells."""
    at = Gauge("hub_load_published_timestamp", "When the load that analysts see was published, in Unix time.", "seconds")
    records = Gauge("hub_load_records", "Source records in the load that analysts see.")
    rows = Gauge("hub_golden_rows", "Rows of each golden table in the load that analysts see.")
    ids = Gauge("hub_load_customer_ids", "Customer IDs by what the load that analysts see did to them.")
    load_id = live_load(hub.config.warehouse)
    try:
        found = _published(hub, load_id)
    except (HubError, duckdb.Error):
        return
    at.set(_unix(found["load"]["ended_at"]))
    records.set(found["load"]["records"])
    for table, n in found["rows"]:
        rows.set(n, table=table)
    for event, column in _IDS.items():
        ids.set(found["load"][column], event=event)
    yield from (at, records, rows, ids)


def _published(hub: Hub, load_id: str | None) -> dict[str, Any]:
    with published(hub.config.warehouse) as con:
        cursor = con.execute(
            "SELECT l.records, l.ended_at, r.* EXCLUDE (records, ended_at) FROM ops.load_batch l"
            " LEFT JOIN identity.resolution_run r ON r.run_id = l.load_id WHERE l.load_id = ?",
            [load_id],
        )
        names = [column[0] for column in cursor.description or ()]
        load = dict(zip(names, cursor.fetchall()[0], strict=True))
        tables = con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'golden' AND database_name = current_database() ORDER BY 1"
        ).fetchall()
        rows = [(name, con.execute(f"SELECT count(*) FROM golden.{name}").fetchall()[0][0]) for (name,) in tables]
    return {"load": load, "rows": rows}


def _unix(at: datetime) -> float:
    return at.replace(tzinfo=UTC).timestamp()
