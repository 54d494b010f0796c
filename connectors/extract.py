"""Extraction: read one stream from where it stopped into the landing zone.

This is the only loop over pages; connectors yield them, the landing keeps them, and the warehouse takes it from there.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from connectors.contract import Checkpoint, Connector, Deletes, Page, Stream
from connectors.landing import PartWriter, StreamLanding
from hub.contract.errors import ConfigError, NotFoundError


@dataclass(frozen=True)
class Extraction:
    """What one extraction did. ``api_calls`` counts every request, ``retries`` those that were repeats; seconds are wall time."""

    source: str
    stream: str
    sync_run_id: str
    rows: int
    api_calls: int
    retries: int
    seconds: float

    def plus(self, later: Extraction) -> Extraction:
        """This one and a later one of the stream, as one."""
        return replace(
            later,
            rows=self.rows + later.rows,
            api_calls=self.api_calls + later.api_calls,
            retries=self.retries + later.retries,
            seconds=self.seconds + later.seconds,
        )


def stream_of(connector: Connector, name: str) -> Stream:
    """A stream by name. Raises `NotFoundError` that lists what there is."""
    for stream in connector.streams():
        if stream.name == name:
            return stream
    raise NotFoundError(
        f"no stream {name!r}",
        source=connector.name,
        remedy=f"streams are {', '.join(s.name for s in connector.streams())}",
    )


def extract_stream(
    connector: Connector, stream: Stream, root: Path, *, sync_run_id: str, full: bool = False, limit: int | None = None
) -> Extraction:
    """Read a stream after its last durable checkpoint and land what comes.

    Args:
        full: read from the beginning, whatever cursor is known or refused; an unfinished reading is not resumed.
        limit: stop after about that many rows; what was read counts as a reading of its own and the next sync goes on there.

    Raises:
        SourceError: what was read before the fault has landed and is not read again; it enters raw when the reading is complete.
    """
    landing = StreamLanding(root, connector.name, stream.name)
    landing.clear()
    point = landing.resume_point()
    begins = point.checkpoint is None or full
    checkpoint = None if begins else point.checkpoint
    writer = PartWriter(
        landing,
        sync_run_id=sync_run_id,
        follows=checkpoint,
        seq=point.seq,
        begins=begins,
        owes_end=point.broken_off,
        snapshot=stream.deletes is Deletes.SNAPSHOT and limit is None,
    )
    return _land(connector, stream, stream.read(checkpoint), writer, limit, checkpoint)


def extract_window(
    connector: Connector, stream: Stream, root: Path, *, sync_run_id: str, since: datetime, until: datetime
) -> Extraction:
    """Read again what was created or changed in a window of time, and land it without moving the cursor.

    Nothing may lie landed: an ordinary reading comes first. A window that breaks off leaves nothing behind; it is asked for again.

    Args:
        since, until: aware; the end is not included.

    Raises:
        ConfigError: the stream can only be read whole, or was never read.
        SourceError: nothing of the window has landed.
    """
    where = {"source": connector.name, "stream": stream.name}
    if stream.window is None:
        raise ConfigError("this stream can only be read whole", **where, remedy="use hub sync --full for it")
    landing = StreamLanding(root, connector.name, stream.name)
    landing.clear()
    point = landing.resume_point()
    if point.checkpoint is None or landing.parts():
        raise ConfigError("a backfill comes after the first whole reading", **where, remedy="run hub sync for this source first")
    writer = PartWriter(
        landing, sync_run_id=sync_run_id, follows=point.checkpoint, seq=point.seq, begins=False, owes_end=False, snapshot=False
    )
    pages = (replace(page, checkpoint=point.checkpoint, begins=False) for page in stream.window(since, until))
    try:
        return _land(connector, stream, pages, writer)
    except BaseException:
        landing.forget(point.seq)
        raise


class _Seldom:
    """Lets the garbage collector look less often: pages are many objects and no cycles, and it takes a quarter of the time.

    The collector is the process's, so that of several readings the first one sets it and the last one sets it back.
    """

    def __init__(self) -> None:
        self._turn, self._readings = threading.Lock(), 0
        self._usual = gc.get_threshold()

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """For the length of a reading."""
        with self._turn:
            if self._readings == 0:
                self._usual = gc.get_threshold()
                gc.set_threshold(50_000, *self._usual[1:])
            self._readings += 1
        try:
            yield
        finally:
            with self._turn:
                self._readings -= 1
                if self._readings == 0:
                    gc.set_threshold(*self._usual)


_seldom = _Seldom()


def _each(pages: Iterable[Page]) -> Generator[Page, None, None]:
    yield from pages


def _land(
    connector: Connector,
    stream: Stream,
    pages: Iterable[Page],
    writer: PartWriter,
    limit: int | None = None,
    start: Checkpoint | None = None,
) -> Extraction:
    started, (calls, retries), rows = time.monotonic(), connector.calls(), 0
    finished = False
    try:
        # what a connector holds open for its pages is let go by the thread that opened it, also where they are not read to the end
        with _seldom.collecting(), closing(_each(pages)) as read:
            for page in read:
                writer.add(page)
                rows += len(page.records) + len(page.rejects)
                # not before there is something to go on from, or the next sync would read the same again
                if limit is not None and rows >= limit and page.checkpoint != start:
                    break
        finished = True
    finally:
        if finished:
            writer.finish()
        else:
            writer.flush()
        pa.default_memory_pool().release_unused()  # taking in needs memory of its own
    calls_now, retries_now = connector.calls()
    return Extraction(
        connector.name, stream.name, writer.sync_run_id, rows, calls_now - calls, retries_now - retries, time.monotonic() - started
    )
