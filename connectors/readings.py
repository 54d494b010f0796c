"""Several streams of a source read at the same time, each by a thread of its own, while others are taken in.

Facts are read before what facts are of: customers, and the campaigns, ad groups and ads that money was spent on. The reading of
these begins after that of every fact has ended, well or badly, so that the owner of any fact read is among what was read after it.

A thread here reads from its source and lands parts, and does nothing else: neither Dagster nor the warehouse is made for it. What
it logs is set aside and said again by whoever takes the reading's result, as log handlers may write to Dagster's store.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial

from connectors.contract import OWNERS, Checkpoint, Page, Stream
from connectors.extract import Extraction
from connectors.reading_lock import ReadingLock

_FAREWELL_SECONDS = 5.0  # for a reading that is to stop: time enough to land what it has


class ReadingStoppedError(Exception):
    """The run that wanted it was broken off."""


@dataclass(eq=False)
class _Reading:
    """One reading of a stream, under way, over or still to begin."""

    stream: Stream
    began: bool = False
    done: Future[Extraction] = field(default_factory=Future)
    said: list[logging.LogRecord] = field(default_factory=list)

    @property
    def of_owners(self) -> bool:
        return self.stream.kind in OWNERS


class Readings:
    """The readings of some streams of a source. They begin at once.

    Args:
        streams: in the order of `Connector.streams`.
        read: reads a stream to its end.
        at_a_time: how many are read at the same time.
        lock: the source's, held by the caller; let go when nothing is read any more.
    """

    def __init__(
        self, streams: Sequence[Stream], read: Callable[[Stream], Extraction], *, at_a_time: int, lock: ReadingLock
    ) -> None:
        self._read, self._at_a_time, self._lock = read, at_a_time, lock
        self._turn = threading.Lock()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._streams = {stream.name: stream for stream in streams}
        self._unfinished = [_Reading(stream) for stream in streams]
        self._untaken = {reading.stream.name: [reading] for reading in self._unfinished}
        _set_aside_of_threads()
        with self._turn:
            self._begin_what_may()

    def take(self, name: str) -> Extraction:
        """Wait for the reading of a stream, and say what it said. A stream whose reading was taken before is read again.

        Raises what the reading raised.
        """
        if not self._untaken[name]:
            self._again(name)
        readings, self._untaken[name] = self._untaken[name], []
        done: Extraction | None = None
        for reading in readings:
            try:
                found = reading.done.result()
            finally:
                for record in reading.said:
                    logging.getLogger(record.name).handle(record)
            done = found if done is None else done.plus(found)
        assert done is not None
        return done

    def stop(self) -> None:
        """Read no further; what was read lands. Waits for a moment only, since a request may take long to be answered."""
        self._stopped.set()
        with self._turn:
            for reading in [reading for reading in self._unfinished if not reading.began]:
                self._give_up(reading, ReadingStoppedError())
            threads = list(self._threads)
        for thread in threads:
            thread.join(_FAREWELL_SECONDS)

    def _again(self, name: str) -> None:
        """Read a stream once more, and after a fact also its owners once more, unless their reading has not begun yet anyway."""
        fact = _Reading(self._streams[name])
        with self._turn:
            if not self._unfinished:
                self._lock.acquire()
            begun = [readings[-1] for readings in self._untaken.values() if readings and readings[-1].began]
            owners = [] if fact.of_owners else [_Reading(reading.stream) for reading in begun if reading.of_owners]
            for reading in (fact, *owners):
                self._unfinished.append(reading)
                self._untaken[reading.stream.name].append(reading)
            self._begin_what_may()

    def _begin_what_may(self) -> None:
        under_way = sum(reading.began for reading in self._unfinished)
        for reading in list(self._unfinished):
            if under_way < self._at_a_time and not reading.began and not self._must_wait(reading):
                reading.began, under_way = True, under_way + 1
                # a daemon: a process that is told to end does not wait for a vendor; what has landed whole stays
                thread = threading.Thread(target=self._carry_out, args=(reading,), name=f"read {reading.stream.name}", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # no more threads can be had; whoever waits for this reading must not wait for ever
                    self._give_up(reading, error)
                else:
                    self._threads.append(thread)

    def _must_wait(self, reading: _Reading) -> bool:
        if reading.of_owners and not all(other.of_owners for other in self._unfinished):
            return True
        earlier = self._unfinished[: self._unfinished.index(reading)]
        return any(other.stream.name == reading.stream.name for other in earlier)

    def _carry_out(self, reading: _Reading) -> None:
        _thread.said = reading.said
        try:
            found: Extraction | BaseException = self._read(replace(reading.stream, read=partial(self._pages, reading.stream)))
        except BaseException as error:  # whoever takes the result gets it
            found = error
        with self._turn:
            self._finished(reading)
            self._threads.remove(threading.current_thread())
            if not self._stopped.is_set():
                self._begin_what_may()
        if isinstance(found, BaseException):
            reading.done.set_exception(found)
        else:
            reading.done.set_result(found)

    def _give_up(self, reading: _Reading, why: Exception) -> None:
        reading.done.set_exception(why)
        self._finished(reading)

    def _finished(self, reading: _Reading) -> None:
        self._unfinished.remove(reading)
        if not self._unfinished:
            self._lock.release()

    def _pages(self, stream: Stream, checkpoint: Checkpoint | None) -> Iterator[Page]:
        for page in stream.read(checkpoint):
            yield page
            if self._stopped.is_set():
                raise ReadingStoppedError


class _Thread(threading.local):
    """Where what the thread logs is set aside; None for a thread that is none of ours."""

    said: list[logging.LogRecord] | None = None


_thread = _Thread()


def _aside(record: logging.LogRecord) -> bool:
    """A logger's filter: lets pass what is not set aside."""
    if _thread.said is None:
        return True
    _thread.said.append(record)
    return False


def _set_aside_of_threads() -> None:
    # on the loggers themselves: their parents' filters are not asked, and handlers come and go with Dagster's steps
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in ("connectors", "hub"):
            logger.addFilter(_aside)
