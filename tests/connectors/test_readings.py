"""Streams read at the same time: never more than may be, owners after facts, each with its own count, log and end."""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import connectors.landing as landing_module
from connectors.contract import Checkpoint, Connector, Deletes, Page, Record, RetrySettings, SourceSettings, Stream
from connectors.extract import Extraction, extract_stream
from connectors.http import HttpConnector, HttpSession
from connectors.landing import StreamLanding
from connectors.once import once
from connectors.reading_lock import ReadingLock
from connectors.readings import Readings, ReadingStoppedError
from hub.contract.errors import CredentialsError, SourceError
from hub.contract.tables import Kind
from tests.loopback import Handler, Reply, Request, serve

ESCAPE = 30.0  # seconds after which a test that hangs fails instead
GRACE = 0.1  # seconds for which a vendor holds an answer back, so that a request too many would be seen
PAGES = 3
FACTS: Mapping[str, Kind] = {"invoices": "invoice", "payments": "payment", "refunds": "refund", "tickets": "ticket"}
OWNERS: Mapping[str, Kind] = {"people": "party", "firms": "party", "campaigns": "ad_campaign"}
log = logging.getLogger("connectors.test_readings")


class Office(HttpConnector):
    """Four kinds of facts and three of what they are of, three pages each."""

    type_name = "office"
    family = "invoicing"
    Settings = SourceSettings

    def __init__(self, base_url: str) -> None:
        retry = RetrySettings(attempts=3, backoff_seconds=0, timeout_seconds=ESCAPE)
        super().__init__("office", SourceSettings(type="office", base_url=base_url, retry=retry))

    def streams(self) -> tuple[Stream, ...]:
        kinds = {**FACTS, **OWNERS}
        return tuple(Stream(name, kind, "id", "n", Deletes.NONE, partial(self._read, name)) for name, kind in kinds.items())

    def check(self) -> str:
        return "office"

    def open_session(self) -> HttpSession:
        return HttpSession(str(self.settings.base_url), source=self.name, retry=self.settings.retry)

    def _read(self, name: str, checkpoint: Checkpoint | None) -> Iterator[Page]:
        for number in range(checkpoint["n"] + 1 if checkpoint else 1, PAGES + 1):
            body = self.http.get(f"/{name}", stream=name, params={"page": number})
            yield Page([Record(str(body["id"]), body)], {"n": number})


def answered(request: Request) -> Reply:
    return Reply({"id": int(request.query["page"][0])})


def name_of(request: Request) -> str:
    return request.path.strip("/")


def begin(connector: Connector, root: Path, at_a_time: int, read: Callable[[Stream], Extraction] | None = None) -> Readings:
    lock = ReadingLock(root, connector.name)
    lock.acquire()
    ordinary = partial(extract_stream, connector, root=root, sync_run_id="run")
    return Readings(connector.streams(), read or (lambda stream: ordinary(stream)), at_a_time=at_a_time, lock=lock)


def landed(root: Path, stream: str) -> list[str]:
    return [row["source_record_id"] for p in StreamLanding(root, "office", stream).parts() for row in pq.read_table(p).to_pylist()]


def is_free(root: Path) -> bool:
    handle = os.open(root / "office" / "reading.lock", os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


class Watch:
    """A vendor that sees which of our requests it has at the same time, and answers the first pages of facts two by two only."""

    def __init__(self, answer: Handler = answered) -> None:
        self._answer, self._turn, self._two = answer, threading.Lock(), threading.Barrier(2, timeout=ESCAPE)
        self._here: list[str] = []
        self._last = 0
        self.together: list[tuple[str, ...]] = []
        self.ended: list[str] = []

    def __call__(self, request: Request) -> Reply:
        name = name_of(request)
        with self._turn:
            self._here.append(name)
            self.together.append(tuple(self._here))
        try:
            if name in FACTS and request.query["page"] == ["1"]:
                self._two.wait()
            if name in FACTS and request.query["page"] == [str(PAGES)]:
                time.sleep(GRACE if self._lasts() % 2 else 2 * GRACE)  # of two facts one ends before the other
            return self._answer(request)
        finally:
            with self._turn:
                self._here.remove(name)
                self.ended.append(name)

    def _lasts(self) -> int:
        with self._turn:
            self._last += 1
            return self._last


def test_streams_are_read_at_the_same_time_but_never_more_than_may_be_and_owners_after_facts(tmp_path: Path) -> None:
    watch = Watch()
    with serve(watch) as server, closing(Office(server.base_url)) as office:
        readings = begin(office, tmp_path, 2)
        done = [readings.take(stream.name) for stream in office.streams()]
    assert [(one.stream, one.rows, one.api_calls, one.retries) for one in done] == [
        (name, PAGES, PAGES, 0) for name in (*FACTS, *OWNERS)
    ]
    assert {len(names) for names in watch.together} == {1, 2}
    assert all(not set(names) & set(FACTS) or not set(names) & set(OWNERS) for names in watch.together)
    assert set(watch.ended[: PAGES * len(FACTS)]) == set(FACTS)
    assert all(landed(tmp_path, name) == ["1", "2", "3"] for name in (*FACTS, *OWNERS))
    assert is_free(tmp_path)


def test_one_at_a_time_is_one_after_the_other_in_the_order_of_the_connector(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Reply:
        asked.append(name_of(request))
        return answered(request)

    with serve(answer) as server, closing(Office(server.base_url)) as office:
        readings = begin(office, tmp_path, 1)
        for stream in office.streams():
            readings.take(stream.name)
    assert list(dict.fromkeys(asked)) == [*FACTS, *OWNERS]
    assert asked == [name for name in (*FACTS, *OWNERS) for _ in range(PAGES)]


def test_a_stream_that_fails_stops_no_other_and_owners_wait_for_its_end_too(tmp_path: Path) -> None:
    ended: list[str] = []

    def answer(request: Request) -> Reply:
        name = name_of(request)
        ended.append(name)
        return Reply({}, 403) if name == "payments" and request.query["page"] == ["2"] else answered(request)

    with serve(answer) as server, closing(Office(server.base_url)) as office:
        readings = begin(office, tmp_path, 4)
        for stream in office.streams():
            if stream.name == "payments":
                with pytest.raises(CredentialsError, match="office/payments: 403"):
                    readings.take("payments")
            else:
                assert readings.take(stream.name).rows == PAGES
        assert landed(tmp_path, "payments") == ["1"], "what was read before the fault has landed"
    assert set(ended[: PAGES * 3 + 2]) == set(FACTS)
    assert is_free(tmp_path)


def test_each_stream_counts_its_own_requests_and_repeats(tmp_path: Path) -> None:
    turn, left = threading.Lock(), {"invoices": 2, "refunds": 1, "firms": 1}

    def answer(request: Request) -> Reply:
        with turn:
            if left.get(name_of(request), 0) > 0:
                left[name_of(request)] -= 1
                return Reply({}, 429)
        return answered(request)

    with serve(answer) as server, closing(Office(server.base_url)) as office:
        server_requests = server.requests
        readings = begin(office, tmp_path, 4)
        done = {stream.name: readings.take(stream.name) for stream in office.streams()}
    expected = {"invoices": 2, "refunds": 1, "firms": 1}
    assert {name: one.retries for name, one in done.items()} == {name: expected.get(name, 0) for name in (*FACTS, *OWNERS)}
    assert {name: one.api_calls for name, one in done.items()} == {
        name: sum(name_of(request) == name for request in server_requests) for name in done
    }
    assert office.calls() == (0, 0), "this thread has asked nothing"


# in memory ---------------------------------------------------------------------------------------------------------


class Shelf(Connector):
    """Orders and customers, one record a page; `steps` says in which order what was read."""

    type_name = "shelf"
    family = "files"
    Settings = SourceSettings

    def __init__(self) -> None:
        super().__init__("office", SourceSettings(type="shelf"))
        self.steps: list[str] = []
        self.hold: dict[str, Callable[[], object]] = {}

    def streams(self) -> tuple[Stream, ...]:
        return (
            Stream("orders", "order", "id", "n", Deletes.NONE, partial(self._read, "orders")),
            Stream("customers", "party", "id", "n", Deletes.NONE, partial(self._read, "customers")),
        )

    def check(self) -> str:
        return "shelf"

    def mapping(self) -> str:
        return ""

    def _read(self, name: str, checkpoint: Checkpoint | None) -> Iterator[Page]:
        first = checkpoint["n"] + 1 if checkpoint else 1
        self.steps.append(f"{name} from {first}")
        log.warning("%s from %d", name, first)
        for number in (first, first + 1):
            yield Page([Record(str(number), {"id": number})], {"n": number})
            self.hold.get(name, lambda: None)()


def test_a_fact_that_is_read_again_has_its_owners_read_again_after_it(tmp_path: Path) -> None:
    shelf = Shelf()
    readings = begin(shelf, tmp_path, 1)
    assert readings.take("orders").rows == 2
    readings._untaken["customers"][0].done.result(ESCAPE)  # read, and not yet taken
    assert readings.take("orders").rows == 2
    assert readings.take("customers").rows == 4, "both readings are told as one"
    assert shelf.steps == ["orders from 1", "customers from 1", "orders from 3", "customers from 3"]
    assert landed(tmp_path, "customers") == ["1", "2", "3", "4"]
    assert is_free(tmp_path)
    assert readings.take("customers").rows == 2
    assert shelf.steps[4:] == ["customers from 5"], "what is read again after an owner is that owner only"
    assert is_free(tmp_path)


def test_while_something_is_read_nobody_else_may_read_the_source(tmp_path: Path) -> None:
    shelf, go_on = Shelf(), threading.Event()
    shelf.hold["orders"] = lambda: go_on.wait(ESCAPE)
    readings = begin(shelf, tmp_path, 4)
    assert not is_free(tmp_path)
    go_on.set()
    readings.take("orders")
    readings.take("customers")
    assert is_free(tmp_path)


def test_what_is_stopped_lands_what_it_has_and_begins_nothing_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.readings._FAREWELL_SECONDS", ESCAPE)
    shelf, under_way, go_on = Shelf(), threading.Event(), threading.Event()

    def hold() -> None:
        under_way.set()
        go_on.wait(ESCAPE)

    shelf.hold["orders"] = hold
    readings = begin(shelf, tmp_path, 4)
    assert under_way.wait(ESCAPE)
    stopping = threading.Thread(target=readings.stop)
    stopping.start()
    assert readings._stopped.wait(ESCAPE)
    go_on.set()
    stopping.join(ESCAPE)
    for name in ("orders", "customers"):
        with pytest.raises(ReadingStoppedError):
            readings.take(name)
    assert shelf.steps == ["orders from 1"]
    assert is_free(tmp_path)
    del shelf.hold["orders"]
    assert extract_stream(shelf, shelf.streams()[0], tmp_path, sync_run_id="next").rows > 0
    assert landed(tmp_path, "orders")[:2] == ["1", "2"]


def test_what_a_reading_logs_is_said_by_the_thread_that_takes_it(tmp_path: Path) -> None:
    heard: list[tuple[int, str]] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append((threading.get_ident(), record.getMessage()))

    listener, logger = Listener(), logging.getLogger("connectors")
    logger.addHandler(listener)
    try:
        readings = begin(Shelf(), tmp_path, 4)
        for name in ("customers", "orders"):
            readings.take(name)
    finally:
        logger.removeHandler(listener)
    assert heard == [(threading.get_ident(), "customers from 1"), (threading.get_ident(), "orders from 1")]
    log.warning("of no reading")
    assert len(heard) == 2


def test_a_thread_that_cannot_be_had_is_an_error_and_no_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_more)
        readings = begin(Shelf(), tmp_path, 4)
    for name in ("orders", "customers"):
        with pytest.raises(RuntimeError, match="can't start"):
            readings.take(name)
    assert is_free(tmp_path)


def test_what_a_connector_holds_open_is_let_go_by_the_thread_that_opened_it(tmp_path: Path) -> None:
    shelf, let_go = Shelf(), dict[str, Any]()

    def pages(checkpoint: Checkpoint | None) -> Iterator[Page]:
        opened = threading.get_ident()
        try:
            for number in range(1, 10):
                yield Page([Record(str(number), {"id": number})], {"n": number})
        finally:
            let_go[f"by the thread that opened it: {threading.get_ident() == opened}"] = landed(tmp_path, "orders")

    def read(stream: Stream) -> Extraction:
        stream = Stream(stream.name, stream.kind, "id", "n", Deletes.NONE, pages)
        return extract_stream(shelf, stream, tmp_path, sync_run_id="run", limit=2)

    readings = begin(shelf, tmp_path, 2, read)
    readings.take("orders")
    assert let_go == {"by the thread that opened it: True": []}, "before the parts land"
    readings.take("customers")


def test_the_garbage_collector_is_as_before_once_the_last_of_several_readings_is_over(tmp_path: Path) -> None:
    usual, seen = gc.get_threshold(), list[tuple[int, int, int]]()
    shelf, second_began, first_over = Shelf(), threading.Event(), threading.Event()

    def first(checkpoint: Checkpoint | None) -> Iterator[Page]:
        assert second_began.wait(ESCAPE)
        yield Page([], {"n": 1})

    def second(checkpoint: Checkpoint | None) -> Iterator[Page]:
        second_began.set()
        assert first_over.wait(ESCAPE)
        seen.append(gc.get_threshold())
        yield Page([], {"n": 1})

    def run(name: str, read: Callable[[Checkpoint | None], Iterator[Page]]) -> None:
        extract_stream(shelf, Stream(name, "order", "id", "n", Deletes.NONE, read), tmp_path, sync_run_id="run")

    threads = [threading.Thread(target=run, args=args) for args in (("one", first), ("two", second))]
    for thread in threads:
        thread.start()
    threads[0].join(ESCAPE)
    first_over.set()
    threads[1].join(ESCAPE)
    assert seen == [(50_000, *usual[1:])]
    assert gc.get_threshold() == usual


def test_what_is_made_once_is_made_once_by_however_many_threads() -> None:
    made, together = list[int](), threading.Barrier(8, timeout=ESCAPE)
    second_maker = threading.Barrier(2, timeout=0.3)

    class Thing:
        @once
        def part(self) -> object:
            """A part."""
            made.append(1)
            with suppress(threading.BrokenBarrierError):
                second_maker.wait()  # the first one is still at it when all others have asked
            return object()

    thing, found = Thing(), list[object]()

    def ask() -> None:
        together.wait()
        found.append(thing.part)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(ESCAPE)
    assert (len(made), len(found), len(set(map(id, found)))) == (1, 8, 1)
    assert "part" in thing.__dict__
    assert Thing.part.__doc__ == "A part."
    assert Thing().part is not thing.part


def test_a_source_error_reaches_whoever_takes_the_reading_as_it_was_raised(tmp_path: Path) -> None:
    shelf = Shelf()

    def read(stream: Stream) -> Extraction:
        raise SourceError("it broke", source="office", stream=stream.name)

    readings = begin(shelf, tmp_path, 2, read)
    for name in ("orders", "customers"):
        with pytest.raises(SourceError, match=f"office/{name}: it broke"):
            readings.take(name)


def test_parts_of_several_readings_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_module, "PART_ROWS", 1)
    with serve(answered) as server, closing(Office(server.base_url)) as office:
        readings = begin(office, tmp_path, 4)
        for stream in office.streams():
            readings.take(stream.name)
    for name in (*FACTS, *OWNERS):
        landing = StreamLanding(tmp_path, "office", name)
        infos = [landing.info(part) for part in landing.parts()]
        assert [info.seq for info in infos] == list(range(1, len(infos) + 1))
        assert [info.complete for info in infos] == [False] * (len(infos) - 1) + [True]
        assert all(before.leads_to == after.follows for before, after in pairwise(infos))
