"""One stream from its source into raw: extract, take the landed parts in, note what it did. Nothing of staging or beyond."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from connectors.contract import Connector, Stream
from connectors.extract import Extraction, extract_stream
from hub.contract.errors import HubError, LineageError, WarehouseBusyError
from pipelines.context import Hub
from warehouse import control_tables as t
from warehouse import raw
from warehouse.connection import writer
from warehouse.control import utcnow
from warehouse.raw import RawLoad


@dataclass(frozen=True)
class SyncRef:
    """To what a sync of a stream belongs: its own run, the invocation that asked for it, and the Dagster run."""

    sync_run_id: str
    batch_id: str | None = None
    dagster_run_id: str | None = None


@dataclass(frozen=True)
class SyncReport:
    """What one sync of one stream did. Rows in = inserted + updated + unchanged + deleted + quarantined."""

    source: str
    stream: str
    counts: RawLoad
    api_calls: int
    retries: int
    seconds: float


def ingest_stream(
    hub: Hub, connector: Connector, stream: Stream, ref: SyncRef, *, full: bool = False, limit: int | None = None
) -> SyncReport:
    """Sync one stream and note it in the control store.

    Raises:
        SourceError: the source failed; what landed waits for the next sync, nothing of it is in raw.
        WarehouseError: the warehouse could not be written; what landed is taken in by the next sync.
    """
    started = utcnow()
    row: dict[str, Any] = {
        "sync_run_id": ref.sync_run_id,
        "source_system": connector.name,
        "stream": stream.name,
        "batch_id": ref.batch_id,
        "dagster_run_id": ref.dagster_run_id,
        "mode": "full" if full else "incremental",
        "status": "running",
        "started_at": started,
    }
    hub.control.put(t.sync_run, [row])
    try:
        align_mirror(hub, connector.name, stream.name)
        extraction, counts = _extract_and_load(hub, connector, stream, ref, full=full, limit=limit)
    except BaseException as error:
        said = str(error) if isinstance(error, HubError) else type(error).__name__
        hub.control.put(t.sync_run, [{**row, "status": "failed", "error": said, "ended_at": utcnow()}])
        raise
    cursor, _ = hub.landing(connector.name, stream.name).mirror()
    done = {f"rows_{name}": count for name, count in asdict(counts).items()}
    hub.control.put(
        t.sync_run,
        [
            {
                **row,
                **done,
                "status": "succeeded",
                "error": None,
                "api_calls": extraction.api_calls,
                "retries": extraction.retries,
                "cursor_to": json.dumps(cursor),
                "ended_at": utcnow(),
            }
        ],
    )
    seconds = (utcnow() - started).total_seconds()
    return SyncReport(connector.name, stream.name, counts, extraction.api_calls, extraction.retries, seconds)


def align_mirror(hub: Hub, source: str, stream: str) -> None:
    """Make the landing zone's idea of the cursor that of the warehouse, should they differ (a restored or removed warehouse).

    While another process writes, nothing is done: that process found the warehouse in order, and taking parts in checks it again.
    """
    landing = hub.landing(source, stream)
    if not landing.folder.exists():
        return
    if not hub.config.warehouse.path.exists():
        landing.discard()
        return
    try:
        with writer(hub.config.warehouse.model_copy(update={"lock_timeout_seconds": 0})) as con:
            value, seq, _ = raw.cursor(con, source, stream)
    except WarehouseBusyError:
        return
    mirrored, mirrored_seq = landing.mirror()
    if seq == 0 and mirrored_seq > 0:
        landing.discard()
    elif seq > 0 and (mirrored, mirrored_seq) != (value, seq):
        landing.committed(value, seq)


def _extract_and_load(
    hub: Hub, connector: Connector, stream: Stream, ref: SyncRef, *, full: bool, limit: int | None
) -> tuple[Extraction, RawLoad]:
    root = hub.config.warehouse.landing
    extraction = extract_stream(connector, stream, root, sync_run_id=ref.sync_run_id, full=full, limit=limit)
    try:
        return extraction, take_in(hub, connector.name, stream.name, ref)
    except LineageError:
        # parts of another history: forget them, read again from what the warehouse holds
        _restart_landing(hub, connector.name, stream.name)
        again = extract_stream(connector, stream, root, sync_run_id=ref.sync_run_id, full=full, limit=limit)
        both = replace(again, api_calls=again.api_calls + extraction.api_calls, retries=again.retries + extraction.retries)
        return both, take_in(hub, connector.name, stream.name, ref)


def take_in(hub: Hub, source: str, stream: str, ref: SyncRef) -> RawLoad:
    """Take what has landed into raw. Opens the warehouse only if something has."""
    landing = hub.landing(source, stream)
    parts = [(path, landing.info(path)) for path in landing.parts()]
    if not parts:
        return RawLoad()
    with writer(hub.config.warehouse) as con:
        counts = raw.load(con, source, stream, parts, sync_run_id=ref.sync_run_id, now=utcnow())
        value, seq, _ = raw.cursor(con, source, stream)
    if seq:
        landing.committed(value, seq)
    return counts or RawLoad()


def _restart_landing(hub: Hub, source: str, stream: str) -> None:
    with writer(hub.config.warehouse) as con:
        value, seq, _ = raw.cursor(con, source, stream)
    landing = hub.landing(source, stream)
    landing.discard()
    if seq:
        landing.committed(value, seq)
