"""Every stream of every connector against every case. A case's name says what it is about; a stream's `bypass`, what it cannot be
asked.
"""

from __future__ import annotations

import pkgutil
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from connectors.contract import Checkpoint, Connector, Deletes, Page
from connectors.extract import extract_stream, stream_of
from connectors.landing import StreamLanding
from connectors.reading_lock import ReadingLock
from connectors.readings import Readings
from connectors.registry import types
from hub.contract.errors import CredentialsError, SourceDataError, SourceError, SourceUnavailableError
from tests.clock import clock_ahead
from tests.connectors import conformance
from tests.connectors.conformance.counterpart import Counterpart
from tests.connectors.conformance.ledger import Ledger
from tests.connectors.conformance.vendor import DAY, body_of
from tests.connectors.staging import stage
from tests.loopback import Reply, Request

COUNTERPARTS: dict[str, type[Counterpart]] = {
    f"{counterpart.type_name}-{counterpart.stream}": counterpart
    for module in pkgutil.iter_modules(conformance.__path__)
    for counterpart in getattr(import_module(f"{conformance.__name__}.{module.name}"), "COUNTERPARTS", ())
}
_TLS = ssl.create_default_context()
CASES = frozenset(
    {
        *("same_second", "boundary", "late", "shifting", "empty_page", "throttle", "refresh_token", "deletes", "retention"),
        *("killed", "drift", "forbidden", "unauthorised", "child", "backfill", "money", "merge", "touch", "future", "full_twice"),
        *("torn", "storm", "together", "resumed", "clock", "damaged"),
    }
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "vendor" in metafunc.fixturenames:
        case = metafunc.function.__name__.removeprefix("test_").partition("__")[0]
        assert case in CASES, case
        asked = {name: cls for name, cls in COUNTERPARTS.items() if case not in cls.bypass}
        metafunc.parametrize("vendor", list(asked.values()), ids=list(asked), indirect=True)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited for; none is."""
    waited: list[float] = []
    monkeypatch.setattr("connectors.http.pause", waited.append)
    return waited


@pytest.fixture
def no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """All connectors share one TLS context: on loopback nobody needs any, and each takes longer to make than many a case."""
    monkeypatch.setattr("ssl.create_default_context", lambda *args, **options: _TLS)


@pytest.fixture
def vendor(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float], no_tls: None
) -> Iterator[Counterpart]:
    made: Counterpart = request.param(tmp_path, monkeypatch)
    with made.running():
        yield made


@pytest.fixture
def ledger(vendor: Counterpart, tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "landing", vendor.stream)


def connect(vendor: Counterpart) -> Connector:
    connector = vendor.connect()
    # every page lands at once, so that a process that is killed has nothing left to land
    vendor.monkeypatch.setattr("connectors.landing.PART_ROWS", 1)
    return connector


def marks(vendor: Counterpart, ledger: Ledger) -> dict[str, str]:
    """Record ID -> mark, of every live record that bears one."""
    found = {key: vendor.mark_of(payload) for key, payload in ledger.current.items() if payload is not None}
    return {key: mark for key, mark in found.items() if mark is not None}


def settle(vendor: Counterpart, ledger: Ledger, connector: Connector) -> None:
    """Let a moment pass, and read what is new."""
    vendor.tick()
    ledger.sync(connector)


def settle_deletes(vendor: Counterpart, ledger: Ledger, connector: Connector) -> None:
    """The same, by a reading that finds what is gone."""
    vendor.tick()
    ledger.sync(connector, full=vendor.whole_only)


def once(vendor: Counterpart, act: Callable[[], None], *, page: int = 1) -> None:
    """Do something right after the n-th page of records was served."""
    served = 0

    def hook(request: Request, reply: Reply) -> Reply:
        nonlocal served
        if reply.status == 200 and vendor.is_page(request):
            served += 1
            if served == page:
                act()
        return reply

    vendor.after.append(hook)


def test_same_second__a_change_in_the_second_that_was_read_last_is_not_lost(vendor: Counterpart, ledger: Ledger) -> None:
    connector = connect(vendor)
    key = vendor.put()
    moment = vendor.time
    settle(vendor, ledger, connector)
    vendor.put(key, ago=vendor.time - moment)
    vendor.put(ago=vendor.time - moment)
    settle(vendor, ledger, connector)
    assert marks(vendor, ledger) == vendor.marks


@pytest.mark.parametrize("granule", [1, -1], ids=["exclusive", "inclusive"])
def test_boundary__a_server_may_count_the_second_asked_for_or_not(vendor: Counterpart, ledger: Ledger, granule: int) -> None:
    connector = connect(vendor)
    vendor.rewrite = lambda request: vendor.shifted(request, granule)
    keys = [vendor.put() for _ in range(vendor.page_size + 1)]
    moment = vendor.time
    settle(vendor, ledger, connector)
    for key in keys:
        vendor.put(key, ago=vendor.time - moment)
    settle(vendor, ledger, connector)
    vendor.put()
    settle(vendor, ledger, connector)
    assert marks(vendor, ledger) == vendor.marks


def test_late__what_arrives_within_the_look_back_is_read(vendor: Counterpart, ledger: Ledger) -> None:
    connector = connect(vendor)
    assert vendor.lookback > 0
    settle(vendor, ledger, connector)
    vendor.tick(vendor.lookback * 3)
    vendor.put()
    ledger.sync(connector)
    vendor.put(ago=vendor.lookback - 1)
    ledger.sync(connector)
    assert marks(vendor, ledger) == vendor.marks


def to_be_read(vendor: Counterpart, ledger: Ledger, connector: Connector, *, first: bool) -> list[str]:
    """Have three pages of records that a first reading finds, or that a later one finds changed; their keys."""
    keys = []
    for _ in range(vendor.page_size * 3):
        keys.append(vendor.put())
        vendor.tick()
    if not first:
        settle(vendor, ledger, connector)
        for key in keys:
            vendor.put(key)
            vendor.tick()
    return keys


def stir(vendor: Counterpart, keys: list[str]) -> None:
    """Let there be changes, a deletion and a new record."""
    # so slowly that the look-back does not make good what a reading passes over; a look-back of a month does in any case
    apart = vendor.lookback * 2 if vendor.lookback <= DAY else 0
    for key in (keys[0], keys[-1], keys[len(keys) // 2]):
        vendor.tick(1 + apart)
        vendor.put(key)
    if "deletes" not in vendor.bypass:
        vendor.remove(keys[1])
    vendor.tick(1 + apart)
    vendor.put()


@pytest.mark.parametrize("first", [True, False], ids=["in a first reading", "in a later one"])
def test_shifting__records_that_move_between_pages_while_we_read_are_not_lost(
    vendor: Counterpart, ledger: Ledger, first: bool
) -> None:
    connector = connect(vendor)
    keys = to_be_read(vendor, ledger, connector, first=first)

    once(vendor, lambda: stir(vendor, keys))
    ledger.sync(connector)
    settle_deletes(vendor, ledger, connector)
    assert marks(vendor, ledger) == vendor.marks


def test_empty_page__a_page_without_records_in_the_middle_does_not_end_the_reading(vendor: Counterpart, ledger: Ledger) -> None:
    for _ in range(vendor.page_size * 4):
        vendor.put()
        vendor.tick()
    emptied: list[Any] = []
    pages = 0

    def empty(request: Request, reply: Reply) -> Reply:
        nonlocal pages
        if reply.status != 200 or not vendor.is_page(request):
            return reply
        pages += 1
        if pages != 2:
            return reply
        body = body_of(reply)
        records = vendor.records_in(body)
        emptied.extend(records)
        del records[:]
        return replace(reply, body=body)

    vendor.after.append(empty)
    ledger.sync(connect(vendor))
    assert emptied
    assert pages > 3
    kept_back = {vendor.mark_of(payload) for payload in emptied} - {None}
    # a connector may notice and ask for that page again
    assert set(marks(vendor, ledger).values()) | kept_back == set(vendor.marks.values())


def test_throttle__every_way_of_saying_slow_down_is_heeded(vendor: Counterpart, ledger: Ledger, waits: list[float]) -> None:
    for name, throttle in vendor.throttles().items():
        del waits[:]
        vendor.put()
        vendor.tick()
        left = [throttle] * 2

        def slow_down(request: Request, left: list[Callable[[], Reply]] = left) -> Reply | None:
            return left.pop()() if left and vendor.is_page(request) else None

        vendor.before.append(slow_down)
        with_waits = connect(vendor)
        ledger.sync(with_waits, full=True)
        vendor.before.clear()
        assert marks(vendor, ledger) == vendor.marks, name
        assert with_waits.calls()[1] >= 2, name
        if "without" not in name:
            assert max(waits) >= 6, f"{name}: waited {waits}"


def test_refresh_token__a_crash_around_a_refresh_does_not_cost_the_connection(vendor: Counterpart, ledger: Ledger) -> None:
    vendor.put()
    settle(vendor, ledger, connect(vendor))
    for lost in (False, True):
        vendor.end_access()
        vendor.put()

        def crash(request: Request) -> Reply | None:
            return None if vendor.is_token(request) else Reply({}, 500)

        def lose(request: Request, reply: Reply) -> Reply:
            return Reply(b"", 502) if vendor.is_token(request) else reply

        if lost:
            vendor.after.append(lose)  # the vendor has rotated, the answer never reached us
        else:
            vendor.before.append(crash)  # the answer reached us, and was never used
        with pytest.raises(SourceError):
            ledger.sync(connect(vendor))
        vendor.before.clear()
        vendor.after.clear()
        settle(vendor, ledger, connect(vendor))
        assert marks(vendor, ledger) == vendor.marks


def test_deletes__what_is_gone_at_the_source_is_gone_here(vendor: Counterpart, ledger: Ledger) -> None:
    connector = connect(vendor)
    stays, goes = vendor.put(), vendor.put()
    settle(vendor, ledger, connector)
    vendor.remove(goes)
    settle_deletes(vendor, ledger, connector)
    assert marks(vendor, ledger) == vendor.marks == {stays: vendor.marks[stays]}
    kept = ledger.current[goes]
    if stream_of(connector, vendor.stream).deletes is Deletes.FLAG:
        assert kept is not None
        (rows,) = stage(connector, vendor.stream, {goes: kept}).values()
        assert [row["status"] for row in rows] == [vendor.gone]
    else:
        assert kept is None


def test_retention__changes_that_the_vendor_forgot_are_found_by_reading_everything(vendor: Counterpart, ledger: Ledger) -> None:
    connector = connect(vendor)
    key = vendor.put()
    settle(vendor, ledger, connector)
    vendor.put(key)
    vendor.put()
    vendor.tick()
    ledger.pretend(connector, vendor.expired(ledger.checkpoint(connector)))
    ledger.sync(connector)
    assert marks(vendor, ledger) == vendor.marks


class Killed(BaseException):
    """The process is gone."""


def killed_after(pages: int, vendor: Counterpart, ledger: Ledger, connector: Connector) -> bool:
    """Read, and be killed after so many pages; whether there were that many."""
    stream = stream_of(connector, vendor.stream)

    def read(checkpoint: Checkpoint | None) -> Iterator[Page]:
        for number, page in enumerate(stream.read(checkpoint), 1):
            yield page
            if number == pages:
                raise Killed

    with vendor.monkeypatch.context() as patch:
        patch.setattr(type(connector), "streams", lambda self: (replace(stream, read=read),))
        try:
            ledger.sync(connector)
        except Killed:
            return True
    return False


def test_killed__a_reading_killed_after_any_page_goes_on_and_ends_as_if_it_had_not_been(
    vendor: Counterpart, tmp_path: Path
) -> None:
    for _ in range(vendor.page_size * 3):
        vendor.put()
        vendor.tick()
    connector = connect(vendor)
    unbroken = Ledger(tmp_path / "unbroken", vendor.stream)
    unbroken.sync(connector)
    assert marks(vendor, unbroken) == vendor.marks
    for last in range(1, 60):
        ledger = Ledger(tmp_path / str(last), vendor.stream)
        killed = killed_after(last, vendor, ledger, connector)
        ledger.sync(connector)
        assert ledger.state() == unbroken.state()
        assert ledger.versions == unbroken.versions
        if not killed:
            assert last > 1
            return
    raise AssertionError("the stream has no end")


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
def test_resumed__what_changed_before_a_broken_reading_goes_on_is_not_lost(
    vendor: Counterpart, ledger: Ledger, first: bool
) -> None:
    connector = connect(vendor)
    keys = to_be_read(vendor, ledger, connector, first=first)
    killed_after(2, vendor, ledger, connector)
    stir(vendor, keys)
    ledger.sync(connector)
    settle_deletes(vendor, ledger, connector)
    assert marks(vendor, ledger) == vendor.marks


def test_drift__new_removed_and_retyped_fields_break_nothing_and_are_kept(vendor: Counterpart, ledger: Ledger) -> None:
    connector = connect(vendor)
    key = vendor.put()
    settle(vendor, ledger, connector)

    def reshaped(change: Callable[[str, Any], Any]) -> Callable[[Request, Reply], Reply]:
        def hook(request: Request, reply: Reply) -> Reply:
            if reply.status != 200 or not vendor.is_page(request):
                return reply
            body = body_of(reply)
            for record in vendor.records_in(body):
                kept = {name: record[name] for name in vendor.keep if name in record}
                changed = {name: change(name, value) for name, value in record.items() if name not in kept}
                record.clear()
                record.update(kept, **{n: v for n, v in changed.items() if v is not ...}, brand_new={"field": ["of", 1]})
            return replace(reply, body=body)

        return hook

    for change in (
        lambda name, value: value,
        lambda name, value: ...,  # everything but the ID is gone
        lambda name, value: None,
        lambda name, value: 17 if isinstance(value, str) else "text",
        lambda name, value: {"nested": value},
        lambda name, value: [value],
    ):
        vendor.after[:] = [reshaped(change)]
        ledger.sync(connector, full=True)
        payload = ledger.current[key]
        assert payload is not None
        assert payload["brand_new"] == {"field": ["of", 1]}
        live = {record: found for record, found in ledger.current.items() if found is not None}
        stage(connector, vendor.stream, live)
    vendor.after.clear()
    vendor.put(key)
    vendor.tick()
    ledger.sync(connector, full=True)
    assert marks(vendor, ledger) == vendor.marks


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_forbidden__what_we_may_not_read_is_a_failure_and_never_an_empty_success(
    vendor: Counterpart, ledger: Ledger, waits: list[float], later: bool
) -> None:
    vendor.put()
    if later:
        settle(vendor, ledger, connect(vendor))
        vendor.put()
        vendor.tick()
    before = dict(ledger.current)
    vendor.before.append(lambda request: vendor.forbidden() if vendor.refused(request) else None)
    connector = connect(vendor)
    with pytest.raises(CredentialsError, match=vendor.stream) as caught:
        ledger.sync(connector)
    assert "\n" not in str(caught.value)
    assert connector.calls()[1] == 0, "it was asked again"
    assert waits == []
    ledger.take_in(connector)
    assert ledger.current == before
    vendor.before.clear()
    settle(vendor, ledger, connect(vendor))
    assert marks(vendor, ledger) == vendor.marks


def test_unauthorised__wrong_credentials_stop_the_reading_at_once(vendor: Counterpart, ledger: Ledger, waits: list[float]) -> None:
    vendor.put()
    vendor.before.append(lambda request: vendor.unauthorised() if vendor.refused(request) else None)
    with pytest.raises(CredentialsError):
        ledger.sync(connect(vendor))
    assert waits == []


def test_child__losing_the_right_to_one_part_of_a_record_does_not_end_the_reading(vendor: Counterpart, ledger: Ledger) -> None:
    asked: list[str] = []

    def refuse(request: Request) -> Reply | None:
        if not vendor.child(request):
            return None
        asked.append(request.path)
        return vendor.forbidden() if request.path == asked[0] else None

    for _ in range(3):
        vendor.put()
        vendor.tick()
    vendor.before.append(refuse)
    ledger.sync(connect(vendor))
    assert asked
    assert marks(vendor, ledger) == vendor.marks


def test_backfill__a_window_is_read_again_and_the_cursor_stays(vendor: Counterpart, ledger: Ledger) -> None:
    connector = connect(vendor)
    keys = [vendor.put() for _ in range(vendor.page_size + 1)]
    moment = vendor.time
    settle(vendor, ledger, connector)
    vendor.tick(86_400)
    vendor.put()
    settle(vendor, ledger, connector)
    cursor = ledger.landing(connector).mirror()[0]
    since, until = (datetime.fromtimestamp(at, UTC) for at in (moment - 3_600, moment + 3_600))
    ledger.backfill(connector, since, until)
    assert {row["source_record_id"] for row in ledger.rows} >= set(keys)
    assert ledger.landing(connector).mirror()[0] == cursor
    vendor.put(keys[0])
    settle(vendor, ledger, connector)
    assert marks(vendor, ledger) == vendor.marks


@pytest.mark.parametrize(("currency", "amount"), [("USD", "12.34"), ("JPY", "1234"), ("KWD", "12.345")])
def test_money__amounts_are_right_to_the_minor_unit(vendor: Counterpart, currency: str, amount: str) -> None:
    table, column, payload = vendor.priced(currency, amount)
    rows = stage(connect(vendor), vendor.stream, {"1": payload})[table]
    assert [(Decimal(str(row[column])), row["currency"].upper()) for row in rows] == [(Decimal(amount), currency)]


def test_merge__a_record_merged_at_the_source_says_into_which(vendor: Counterpart, ledger: Ledger) -> None:
    connector = connect(vendor)
    loser, winner = vendor.put(), vendor.put()
    settle(vendor, ledger, connector)
    vendor.tick()
    vendor.merge(loser, winner)
    vendor.marks.pop(loser)
    settle(vendor, ledger, connector)
    assert ledger.merged == {loser: winner}
    assert marks(vendor, ledger) == vendor.marks


def test_touch__the_echo_of_a_write_back_ends(vendor: Counterpart, ledger: Ledger) -> None:
    connector = connect(vendor)
    key = vendor.put()
    settle(vendor, ledger, connector)
    vendor.tick()
    vendor.touch(key)
    settle(vendor, ledger, connector)
    settle(vendor, ledger, connector)
    assert ledger.versions[key] <= 2
    seen = dict(ledger.versions)
    settle(vendor, ledger, connector)
    assert ledger.versions == seen
    assert marks(vendor, ledger) == vendor.marks


def test_future__a_checkpoint_from_the_future_breaks_nothing(vendor: Counterpart, ledger: Ledger) -> None:
    connector = connect(vendor)
    vendor.put()
    settle(vendor, ledger, connector)
    known = marks(vendor, ledger)
    ledger.pretend(connector, vendor.future(ledger.checkpoint(connector)))
    ledger.sync(connector)
    assert marks(vendor, ledger) == known
    vendor.put()
    vendor.tick()
    ledger.sync(connector, full=True)
    assert marks(vendor, ledger) == vendor.marks


@pytest.mark.parametrize("ahead", [timedelta(days=2), timedelta(days=-2)], ids=["ahead", "behind"])
def test_clock__a_clock_that_is_wrong_for_one_reading_loses_nothing(vendor: Counterpart, ledger: Ledger, ahead: timedelta) -> None:
    keys = [vendor.put(), vendor.put()]
    settle(vendor, ledger, connect(vendor))
    vendor.tick()
    vendor.put()
    with clock_ahead(ahead):
        settle(vendor, ledger, connect(vendor))
    vendor.tick()
    vendor.put()
    vendor.put(keys[0])
    settle(vendor, ledger, connect(vendor))
    assert marks(vendor, ledger) == vendor.marks


def damaged(value: Any) -> Any:
    """A checkpoint in which everything but its names is garbage."""
    if isinstance(value, dict):
        return {name: damaged(part) for name, part in value.items()}
    if isinstance(value, list):
        return [damaged(part) for part in value]
    return value if value is None or isinstance(value, bool) else "gar\x00bage"


@pytest.mark.parametrize("damage", [lambda _: {"of": {"another": "kind"}}, damaged], ids=["strange", "garbled"])
def test_damaged__a_damaged_checkpoint_loses_nothing_or_is_an_error_that_names_the_command(
    vendor: Counterpart, ledger: Ledger, damage: Callable[[Any], Any]
) -> None:
    vendor.put()
    settle(vendor, ledger, connect(vendor))
    ledger.pretend(connect(vendor), damage(ledger.checkpoint(connect(vendor))))
    vendor.put()
    vendor.tick()
    said = ""
    try:
        ledger.sync(connect(vendor))
    except SourceError as error:
        said = str(error)
        ledger.sync(connect(vendor), full=True)
    assert not said or "--full" in said
    assert marks(vendor, ledger) == vendor.marks


def test_full_twice__two_full_readings_are_equal(vendor: Counterpart, ledger: Ledger) -> None:
    connector = connect(vendor)
    for _ in range(vendor.page_size * 2):
        vendor.put()
    vendor.tick()
    ledger.sync(connector, full=True)
    first, versions = ledger.state(), dict(ledger.versions)
    ledger.sync(connector, full=True)
    assert ledger.state() == first
    assert ledger.versions == versions
    assert marks(vendor, ledger) == vendor.marks


def test_torn__an_answer_cut_short_is_asked_for_again(vendor: Counterpart, ledger: Ledger) -> None:
    for _ in range(vendor.page_size + 1):
        vendor.put()
    vendor.tick()
    cut = [True, True]

    def tear(request: Request, reply: Reply) -> Reply:
        if reply.status != 200 or not vendor.is_page(request) or not cut:
            return reply
        cut.pop()
        content = reply.body if isinstance(reply.body, bytes) else str(reply.body).encode()
        return replace(reply, body=content[: len(content) // 2])

    vendor.after.append(tear)
    ledger.sync(connect(vendor))
    assert cut == []
    assert marks(vendor, ledger) == vendor.marks


def test_together__streams_read_at_the_same_time_land_what_they_land_one_after_the_other(
    vendor: Counterpart, tmp_path: Path
) -> None:
    for _ in range(vendor.page_size * 2 + 1):
        vendor.put()
        vendor.tick()
    apart, together = tmp_path / "apart", tmp_path / "together"
    connector = connect(vendor)
    there = []
    for stream in connector.streams():
        with suppress(SourceDataError):  # files, where there are none of the other stream
            there.append(extract_stream(connector, stream, apart, sync_run_id="run").stream)
    turn, seen, throttles = threading.Lock(), set[str](), list(vendor.throttles().values())

    def once_each(request: Request) -> Reply | None:
        asked = repr((request.method, request.path, request.query, request.body))
        with turn:
            if asked in seen or not vendor.is_page(request):
                return None
            seen.add(asked)
            return throttles[len(seen) % len(throttles)]()

    vendor.before.append(once_each)
    connector = connect(vendor)
    lock = ReadingLock(together, connector.name)
    lock.acquire()
    readings = Readings(
        connector.streams(),
        lambda stream: extract_stream(connector, stream, together, sync_run_id="run"),
        at_a_time=connector.most_streams,
        lock=lock,
    )
    done = [readings.take(name) for name in there]
    assert seen
    assert [landed_in(together, connector, name) for name in there] == [landed_in(apart, connector, name) for name in there]
    assert {row[0] for row in landed_in(together, connector, vendor.stream)} >= set(vendor.marks)
    assert sum(one.retries for one in done) >= len(seen)


def landed_in(root: Path, connector: Connector, stream: str) -> list[tuple[Any, ...]]:
    """What has landed of a stream, in the order of its reading: record ID, what happened to it, its payload."""
    rows = [row for part in StreamLanding(root, connector.name, stream).parts() for row in pq.read_table(part).to_pylist()]
    return [tuple(row[name] for name in ("source_record_id", "op", "payload_hash", "source_updated_at")) for row in rows]


def test_storm__an_hour_of_throttles_and_server_errors_loses_nothing(
    vendor: Counterpart, ledger: Ledger, waits: list[float]
) -> None:
    for _ in range(vendor.page_size * 3):
        vendor.put()
        vendor.tick()
    rng, throttles = Random(5), list(vendor.throttles().values())

    def waited() -> float:
        return sum(waits)

    def weather(request: Request) -> Reply | None:
        if waited() > 3_600 or not vendor.is_page(request) or rng.random() < 0.4:
            return None
        waits.append(40.0)  # the vendor takes its time over it
        return Reply({}, rng.choice((500, 502, 503))) if rng.random() < 0.5 else rng.choice(throttles)()

    vendor.before.append(weather)
    while waited() <= 3_600:
        with suppress(SourceUnavailableError):  # the schedule comes round again
            ledger.sync(connect(vendor))
        waits.append(180.0)
        vendor.put()
        vendor.tick()
    settle(vendor, ledger, connect(vendor))
    assert marks(vendor, ledger) == vendor.marks


@pytest.mark.parametrize("cls", COUNTERPARTS.values(), ids=COUNTERPARTS)
def test_every_case_a_stream_is_not_asked_has_its_reason(cls: type[Counterpart]) -> None:
    assert set(cls.bypass) <= CASES
    assert all(len(reason.split()) >= 4 for reason in cls.bypass.values())


@pytest.mark.parametrize("type_name", types())
def test_every_stream_of_a_connector_has_a_counterpart(type_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counterparts = {cls.stream: cls for cls in COUNTERPARTS.values() if cls.type_name == type_name}
    assert counterparts, f"write tests/connectors/conformance/{type_name}.py with COUNTERPARTS, one for each stream"
    with next(iter(counterparts.values()))(tmp_path, monkeypatch).running() as vendor:
        streams = {stream.name: stream for stream in vendor.connect().streams()}
    without, unknown = sorted(streams.keys() - counterparts.keys()), sorted(counterparts.keys() - streams.keys())
    assert not without, f"tests/connectors/conformance/{type_name}.py has no counterpart for {', '.join(without)}"
    assert not unknown, f"{type_name} has no stream {', '.join(unknown)}; its counterpart asks nothing"
    # what a stream declares of itself decides these two, no reason does
    for name, stream in streams.items():
        bypass = counterparts[name].bypass
        assert ("deletes" in bypass) == (stream.deletes is Deletes.NONE), f"{name} declares deletes {stream.deletes}"
        assert ("backfill" in bypass) == (stream.window is None), f"{name} declares a window, or none"
