"""One stream from its source into raw: extract, take the landed parts in, note what it did. Nothing of staging or beyond."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from connectors.contract import Connector, Stream
from connectors.extract import Extraction, extract_stream, extract_window
from connectors.reading_lock import ReadingLock
from connectors.readings import Readings
from hub.contract.errors import HubError, LineageError, SourceDataError, WarehouseBusyError
from pipelines.context import Hub
from pipelines.logs import speaking_of
from pipelines.privacy.screening import screen
from warehouse import control_tables as t
from warehouse import drift, raw
from warehouse.connection import writer
from warehouse.control import utcnow
from warehouse.drift import FieldChange
from warehouse.raw import RawLoad


@dataclass(frozen=True)
class SyncRef:
    """To what a sync of a stream belongs: its own run, the invocation that asked for it, and the Dagster run."""

    sync_run_id: str
    batch_id: str | None = None
    dagster_run_id: str | None = None


@dataclass(frozen=True)
class SyncRequest:
    """How a stream is to be read.

    Attributes:
        full: everything again.
        limit: about so many rows.
        window: a backfill: what was created or changed from the first time up to the second (aware); the cursor stays.
        accept_schema: take in payloads whose fields changed although the source's policy is to stop.
    """

    full: bool = False
    limit: int | None = None
    window: tuple[datetime, datetime] | None = None
    accept_schema: bool = False

    @property
    def mode(self) -> str:
        """The word for it in `ops.sync_run`."""
        return "backfill" if self.window else "full" if self.full else "incremental"


@dataclass(frozen=True)
class SyncReport:
    """What one sync of one stream did. Rows in = inserted + updated + unchanged + deleted + quarantined.

    Attributes:
        seconds: of reading it and of taking it in; what it waited for other streams is not counted.
    """

    source: str
    stream: str
    counts: RawLoad
    api_calls: int
    retries: int
    seconds: float
    changes: tuple[FieldChange, ...]


log = logging.getLogger(__name__)
_ORDINARY = SyncRequest()
_RESTARTS = 3  # another sync that began before the first of them may land one more reading of that history
Read = Callable[[], Extraction]  # once more when called again


@dataclass(frozen=True)
class _Ingested:
    """How a reading went, what it did to raw, how its fields differ from those before, and how long both took."""

    extraction: Extraction
    counts: RawLoad
    changes: tuple[FieldChange, ...]
    seconds: float

    def plus(self, later: _Ingested) -> _Ingested:
        """What two readings of a stream did, as one."""
        summed = {name: count + asdict(later.counts)[name] for name, count in asdict(self.counts).items()}
        return _Ingested(
            self.extraction.plus(later.extraction),
            RawLoad(**summed),
            (*self.changes, *later.changes),
            self.seconds + later.seconds,
        )


def ingest_stream(
    hub: Hub,
    connector: Connector,
    stream: Stream,
    ref: SyncRef,
    request: SyncRequest = _ORDINARY,
    ahead: Callable[[], Readings] | None = None,
) -> SyncReport:
    """Sync one stream and note it in the control store.

    Args:
        ahead: gives the readings that are under way, that of this stream among them; else it is read here and now.

    Raises:
        SourceDataError: the fields changed and the source's policy is to stop; what landed waits to be accepted.
        SourceError: the source failed; what landed waits for the next sync, nothing of it is in raw.
        WarehouseError: the warehouse could not be written; what landed is taken in by the next sync.
    """
    about = {"batch": ref.batch_id, "run": ref.dagster_run_id or ref.sync_run_id, "source": connector.name, "stream": stream.name}
    with speaking_of(**about):
        return _ingest(hub, connector, stream, ref, request, ahead)


def _ingest(
    hub: Hub, connector: Connector, stream: Stream, ref: SyncRef, request: SyncRequest, ahead: Callable[[], Readings] | None
) -> SyncReport:
    if stream.window is None:
        request = replace(request, window=None)  # it can only be read as always
    started = hub.control.moment()
    row: dict[str, Any] = {
        "sync_run_id": ref.sync_run_id,
        "source_system": connector.name,
        "stream": stream.name,
        "batch_id": ref.batch_id,
        "dagster_run_id": ref.dagster_run_id,
        "mode": request.mode,
        "status": "running",
        "started_at": started,
    }
    hub.control.put(t.sync_run, [row])
    try:
        if ahead is not None:
            done = _read_and_take_in(hub, stream, ref, request, partial(ahead().take, stream.name))
        else:
            done = _read_here(hub, connector, stream, ref, request)
    except BaseException as error:
        said = str(error) if isinstance(error, HubError) else type(error).__name__
        hub.control.put(t.sync_run, [{**row, "status": "failed", "error": said, "ended_at": max(started, utcnow())}])
        log.error("the sync failed: %s", said)
        raise
    extraction = done.extraction
    cursor, _ = hub.landing(connector.name, stream.name).mirror()
    counted = {f"rows_{name}": count for name, count in asdict(done.counts).items()}
    hub.control.put(
        t.sync_run,
        [
            {
                **row,
                **counted,
                "status": "succeeded",
                "error": None,
                "api_calls": extraction.api_calls,
                "retries": extraction.retries,
                "cursor_to": json.dumps(cursor),
                "ended_at": max(started, utcnow()),
            }
        ],
    )
    told = ", ".join(f"{count} {name}" for name, count in asdict(done.counts).items() if count)
    log.info("synced in %.1f s: %s", done.seconds, told or "nothing new")
    calls = (extraction.api_calls, extraction.retries)
    return SyncReport(connector.name, stream.name, done.counts, *calls, done.seconds, done.changes)


def align_mirrors(hub: Hub, source: str, streams: Sequence[str]) -> None:
    """Make the landing zone's idea of the streams' cursors that of the warehouse, should they differ (one was restored or removed).

    While another process writes, nothing is done: that process found the warehouse in order, and taking parts in checks it again.
    """
    landings = {stream: hub.landing(source, stream) for stream in streams}
    if not hub.config.warehouse.path.exists():
        for landing in landings.values():
            landing.discard()
        return
    try:
        with writer(hub.config.warehouse.model_copy(update={"lock_timeout_seconds": 0})) as con:
            for stream, landing in landings.items():
                value, seq, _ = raw.cursor(con, source, stream)
                mirrored, mirrored_seq = landing.mirror()
                if seq == 0 and mirrored_seq > 0:
                    landing.discard()
                elif seq > 0 and (mirrored, mirrored_seq) != (value, seq):
                    landing.committed(value, seq)
    except WarehouseBusyError:
        return


def _read_here(hub: Hub, connector: Connector, stream: Stream, ref: SyncRef, request: SyncRequest) -> _Ingested:
    align_mirrors(hub, connector.name, [stream.name])

    def read(request: SyncRequest) -> Extraction:
        with ReadingLock(hub.config.warehouse.landing, connector.name).held():
            return extract(hub, connector, ref, request, stream)

    if request.window is None:
        return _read_and_take_in(hub, stream, ref, request, partial(read, request))
    # parts that wait, and what is new, come first: a backfill does not move the cursor
    ordinary = SyncRequest(accept_schema=request.accept_schema)
    before = _read_and_take_in(hub, stream, ref, ordinary, partial(read, ordinary))
    return before.plus(_read_and_take_in(hub, stream, ref, request, partial(read, request)))


def _read_and_take_in(hub: Hub, stream: Stream, ref: SyncRef, request: SyncRequest, read: Read) -> _Ingested:
    extraction = read()
    source, started = extraction.source, time.monotonic()
    for left in reversed(range(_RESTARTS + 1)):
        try:
            counts, changes = take_in(hub, source, stream.name, ref, accept_schema=request.accept_schema)
            break
        except LineageError:
            if not left:
                raise
            # parts of another history: forget them, read again from what the warehouse holds
            _restart_landing(hub, source, stream.name)
            extraction, started = extraction.plus(read()), time.monotonic()
    return _Ingested(extraction, counts, changes, extraction.seconds + time.monotonic() - started)


def extract(hub: Hub, connector: Connector, ref: SyncRef, request: SyncRequest, stream: Stream) -> Extraction:
    """Read a stream into its landing folder as it is asked for."""
    root = hub.config.warehouse.landing
    if request.window:
        since, until = request.window
        return extract_window(connector, stream, root, sync_run_id=ref.sync_run_id, since=since, until=until)
    return extract_stream(connector, stream, root, sync_run_id=ref.sync_run_id, full=request.full, limit=request.limit)


def take_in(
    hub: Hub, source: str, stream: str, ref: SyncRef, *, accept_schema: bool = False
) -> tuple[RawLoad, tuple[FieldChange, ...]]:
    """Take what has landed into raw, and say how its fields differ from before. Opens the warehouse only if something has landed.

    Raises:
        SourceDataError: they differ, the source's policy is to stop, and it was not said that they are accepted.
    """
    landing = hub.landing(source, stream)
    if not landing.parts():
        return RawLoad(), ()
    with writer(hub.config.warehouse) as con:
        # looked at under the lock: a sync that runs beside this one may have taken them in meanwhile, and takes them away under it
        parts = [(path, landing.info(path)) for path in landing.parts()]
        if not parts:
            return RawLoad(), ()
        seen = _by_others(hub, source, drift.observe(con, source, stream, [path for path, _ in parts]))
        _report_drift(hub, source, stream, ref, seen.changes, accepted=accept_schema)
        screen(con, hub, source, stream, [path for path, _ in parts], run=ref.sync_run_id)
        counts = raw.load(con, source, stream, parts, sync_run_id=ref.sync_run_id, now=utcnow())
        drift.remember(con, source, stream, seen, now=utcnow())
        value, seq, _ = raw.cursor(con, source, stream)
        if seq:
            landing.committed(value, seq)
    return counts or RawLoad(), seen.changes


def _by_others(hub: Hub, source: str, seen: drift.Observation) -> drift.Observation:
    """Without changes of the fields that the hub itself writes: where it begins to fill one, the source has not changed."""
    told = hub.config.sources[source].write_back
    own = set(told.fields.values()) if told is not None else set()
    return replace(seen, changes=tuple(change for change in seen.changes if change.field not in own))


def _report_drift(hub: Hub, source: str, stream: str, ref: SyncRef, changes: tuple[FieldChange, ...], *, accepted: bool) -> None:
    policy = hub.config.sources[source].schema_drift
    about = {"source_system": source, "stream": stream, "sync_run_id": ref.sync_run_id, "policy": policy, "detected_at": utcnow()}
    hub.control.add(
        t.schema_change,
        [{**about, "field": c.field, "change": c.change, "type_before": c.was, "type_now": c.now} for c in changes],
    )
    if changes and policy == "stop" and not accepted:
        more = f", and {len(changes) - 1} more" if len(changes) > 1 else ""
        raise SourceDataError(
            f"the fields changed: {changes[0]}{more}",
            source=source,
            stream=stream,
            remedy=f"see ops.schema_change; take it in with hub sync {source} --accept-schema, or set schema_drift to warn",
        )


def _restart_landing(hub: Hub, source: str, stream: str) -> None:
    landing = hub.landing(source, stream)
    with writer(hub.config.warehouse) as con:
        value, seq, _ = raw.cursor(con, source, stream)
        landing.discard()
        if seq:
            landing.committed(value, seq)
