"""Every writer against the same questions: it writes what is wished and nothing twice, heeds the vendor, loses no other's value."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.delivery import Deliverer, Delivery, Wish
from connectors.registry import connector_class, types
from connectors.writeback import Writer, canonical
from hub.contract.errors import CredentialsError, SourceUnavailableError
from tests.connectors.conformance.counterpart import Counterpart
from tests.connectors.conformance.test_suite import _TLS
from tests.connectors.writers import CASES, ID, OTHER_ID, Case
from tests.loopback import Reply, Request


def own(record: str) -> tuple[str, str]:
    """An ID and a number that no other record has: some fields take a value once only."""
    digest = hashlib.sha256(record.encode()).digest()
    return "c_" + base64.b32encode(digest).decode()[:26].lower(), str(int.from_bytes(digest[:3], "big"))


class Desk:
    """A vendor, its connector's writer, and what is asked of them."""

    def __init__(self, case: Case, vendor: Counterpart, waits: list[float]) -> None:
        self.case, self.vendor, self.waits = case, vendor, waits
        connector = vendor.connect()
        made = connector.writer(vendor.stream, case.kinds)
        assert made is not None
        self.writer: Writer = made

    def records(self, number: int) -> list[str]:
        """New records that hold nothing of ours."""
        made = [self.vendor.put() for _ in range(number)]
        self.vendor.tick(5)
        return made

    def wish(self, record: str, **fields: str | None) -> Wish:
        """The record's own ID and number (see `own`), or what is given instead: ``customer``, ``number``."""
        texts = {"customer": own(record)[0], "number": own(record)[1]} | fields
        return Wish(record, dict(zip(self.fields, texts.values(), strict=True)), f"key-{record}-{texts}")

    def ours(self, record: str) -> dict[str, str]:
        """That we put a record's own ID and number there."""
        return dict(zip(self.fields, own(record), strict=True))

    def deliver(self, *wishes: Wish, ours: Mapping[str, str] | None = None, **how: Any) -> dict[str, Delivery]:
        """Deliver, and check that each wish has one answer; ``ours`` are the texts that we put into fields before."""
        known = ours or {}
        deliverer = Deliverer(self.writer, lambda record, name, text: known.get(name) == text, **how)
        found = [delivery for batch in deliverer.deliver(wishes) for delivery in batch]
        assert sorted(d.record for d in found) == sorted(w.record for w in wishes)
        return {delivery.record: delivery for delivery in found}

    def held(self, record: str) -> tuple[str | None, str | None]:
        """What the vendor's books say of the two fields."""
        return tuple(canonical(self.case.kinds[n], self.case.held(self.vendor, record, n)) for n in self.fields)  # type: ignore[return-value]

    @property
    def fields(self) -> tuple[str, str]:
        """The two fields."""
        return self.case.id_field, self.case.number_field

    def requests(self, *, writing: bool) -> int:
        """Requests so far, or those that write."""
        return sum(1 for request in self.vendor.server.requests if not writing or self.case.writes(request))


@pytest.fixture(params=list(CASES))
def desk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    waited: list[float] = []
    monkeypatch.setattr("connectors.http.pause", waited.append)
    monkeypatch.setattr("ssl.create_default_context", lambda *args, **options: _TLS)
    case = CASES[request.param]
    with case.counterpart(tmp_path, monkeypatch).running() as vendor:
        yield Desk(case, vendor, waited)


def test_every_type_that_takes_fields_is_asked_here() -> None:
    # databases are asked in test_databases_writer.py: nothing goes over HTTP there
    assert {name for name in types() if connector_class(name).Settings.takes is not None} == {*CASES, "sql"}


def test_what_is_wished_is_there_and_is_not_written_twice(desk: Desk) -> None:
    records = desk.records(3)
    wishes = [desk.wish(record) for record in records]
    done = desk.deliver(*wishes)
    assert {fate for d in done.values() for fate in d.fates.values()} == {"sent"}
    assert [desk.held(record) for record in records] == [own(record) for record in records]
    before = desk.requests(writing=True)
    again = desk.deliver(*wishes)
    assert {fate for d in again.values() for fate in d.fates.values()} == {"found"}
    assert desk.requests(writing=True) == before


@pytest.mark.parametrize("number", [1, 13])
def test_no_more_calls_are_made_than_needed(desk: Desk, number: int) -> None:
    records = desk.records(number)
    desk.deliver(*(desk.wish(record) for record in records))
    assert desk.requests(writing=False) == desk.case.calls(number)


def test_only_the_field_that_differs_is_sent(desk: Desk) -> None:
    (record,) = desk.records(1)
    desk.deliver(desk.wish(record))
    sent = len(desk.vendor.server.requests)
    done = desk.deliver(desk.wish(record, number="2"), ours=desk.ours(record))
    assert done[record].fates == {desk.case.id_field: "found", desk.case.number_field: "sent"}
    written = [r for r in desk.vendor.server.requests[sent:] if desk.case.writes(r)]
    assert written
    assert not any(own(record)[0].encode() in request.body for request in written)


def test_a_field_is_emptied(desk: Desk) -> None:
    (record,) = desk.records(1)
    desk.deliver(desk.wish(record))
    done = desk.deliver(desk.wish(record, customer=None, number=None), ours=desk.ours(record))
    assert set(done[record].fates.values()) == {"sent"}
    assert desk.held(record) == (None, None)


def test_one_field_is_emptied_and_another_written(desk: Desk) -> None:
    (record,) = desk.records(1)
    desk.deliver(desk.wish(record))
    done = desk.deliver(desk.wish(record, customer=OTHER_ID, number=None), ours=desk.ours(record))
    assert set(done[record].fates.values()) == {"sent"}
    assert desk.held(record) == (OTHER_ID, None)


def test_what_somebody_else_put_there_stays(desk: Desk) -> None:
    theirs, plain = desk.records(2)
    desk.case.put(desk.vendor, theirs, desk.case.id_field, "crm-17")
    done = desk.deliver(desk.wish(theirs), desk.wish(plain))
    assert done[theirs].fates == {desk.case.id_field: "kept", desk.case.number_field: "sent"}
    assert "somebody else's value" in (done[theirs].reason or "")
    assert "crm-17" not in (done[theirs].reason or "")
    assert (desk.held(theirs), desk.held(plain)) == (("crm-17", own(theirs)[1]), own(plain))


def test_it_is_replaced_where_that_is_wanted(desk: Desk) -> None:
    (record,) = desk.records(1)
    desk.case.put(desk.vendor, record, desk.case.id_field, "crm-17")
    assert set(desk.deliver(desk.wish(record), overwrite=True)[record].fates.values()) == {"sent"}
    assert desk.held(record) == own(record)


def test_a_record_that_is_gone_stops_no_other(desk: Desk) -> None:
    gone, there = desk.records(2)
    desk.vendor.remove(gone)
    done = desk.deliver(desk.wish(gone), desk.wish(there))
    assert set(done[gone].fates.values()) == {"gone"}
    assert set(done[there].fates.values()) == {"sent"}


def test_a_refusal_is_told_of_the_record_and_stops_no_other(desk: Desk) -> None:
    holder, first, bad, last = desk.records(4)
    name, value = desk.case.bad
    desk.case.spoil(desk.vendor, bad)
    if desk.writer.is_unique(name):
        desk.case.put(desk.vendor, holder, name, value)
    done = desk.deliver(desk.wish(first), Wish(bad, {name: value}, "bad"), desk.wish(last))
    assert done[bad].fates == {name: "dead"}
    assert done[bad].reason
    assert value not in done[bad].reason
    assert (desk.held(first), desk.held(last)) == (own(first), own(last))


def test_the_vendor_is_waited_for(desk: Desk) -> None:
    (record,) = desk.records(1)
    refused: list[Request] = []

    def slow(request: Request) -> Reply | None:
        if desk.case.writes(request) and not refused:
            refused.append(request)
            return Reply({}, 429, {"retry-after": "7"})
        return None

    desk.vendor.before.append(slow)
    assert set(desk.deliver(desk.wish(record))[record].fates.values()) == {"sent"}
    assert any(7 <= wait < 9 for wait in desk.waits)
    assert desk.held(record) == own(record)


def lost(desk: Desk, times: int) -> list[Request]:
    """Let so many writes take effect and their answers be lost; the list fills with them."""
    struck: list[Request] = []

    def lose(request: Request, reply: Reply) -> Reply:
        if desk.case.writes(request) and len(struck) < times:
            struck.append(request)
            return Reply(b"", 504)
        return reply

    desk.vendor.after.append(lose)
    return struck


def test_an_answer_that_is_lost_after_the_effect_is_asked_for_again(desk: Desk) -> None:
    records = desk.records(2)
    struck = lost(desk, 1)
    done = desk.deliver(*(desk.wish(record) for record in records))
    assert len(struck) == 1
    assert all(set(d.fates.values()) <= {"sent", "found"} for d in done.values())
    assert [desk.held(record) for record in records] == [own(record) for record in records]


def test_what_took_effect_though_no_answer_came_is_found_by_the_next_run(desk: Desk) -> None:
    (record,) = desk.records(1)
    struck = lost(desk, 4)
    assert set(desk.deliver(desk.wish(record))[record].fates.values()) == {"owed"}
    assert len(struck) == 4
    writes = desk.requests(writing=True)
    assert set(desk.deliver(desk.wish(record))[record].fates.values()) == {"found"}
    assert desk.requests(writing=True) == writes


def test_a_vendor_that_is_down_is_left_alone_after_two_batches(desk: Desk) -> None:
    records = desk.records(3)
    desk.vendor.before.append(lambda request: Reply({}, 503))
    desk.writer.reads = desk.writer.writes = 1  # type: ignore[misc]
    deliverer = Deliverer(desk.writer, lambda *asked: False)
    batches = deliverer.deliver([desk.wish(record) for record in records])
    assert [[delivery.record for delivery in next(batches)] for _ in range(2)] == [records[:1], records[1:2]]
    with pytest.raises(SourceUnavailableError):
        next(batches)


def test_a_key_that_may_not_write_is_an_error_of_the_source(desk: Desk) -> None:
    (record,) = desk.records(1)
    desk.vendor.before.append(lambda request: desk.vendor.forbidden() if desk.case.writes(request) else None)
    with pytest.raises(CredentialsError, match=r"write"):
        desk.deliver(desk.wish(record))


def test_a_dry_run_writes_nothing_and_says_what_it_would(desk: Desk) -> None:
    plain, same = desk.records(2)
    desk.deliver(desk.wish(same))
    writes = desk.requests(writing=True)
    done = desk.deliver(desk.wish(plain), desk.wish(same), dry=True)
    assert (set(done[plain].fates.values()), set(done[same].fates.values())) == ({"sent"}, {"found"})
    assert done[plain].held == dict.fromkeys(desk.fields)
    assert desk.requests(writing=True) == writes
    assert desk.held(plain) == (None, None)


def test_the_time_that_comes_back_with_the_next_sync_is_known(desk: Desk) -> None:
    if desk.case.changed is None:
        pytest.skip("this vendor's records bear no time of change")
    records = desk.records(2)
    was = {record: desk.case.changed(desk.vendor, record) for record in records}
    done = desk.deliver(*(desk.wish(record) for record in records))
    for record in records:
        assert (done[record].before, done[record].after) == (was[record], desk.case.changed(desk.vendor, record))
        assert done[record].before != done[record].after
    last = records[:1]
    emptied = desk.deliver(desk.wish(last[0], customer=None, number=None), ours=desk.ours(last[0]))
    assert emptied[last[0]].after == desk.case.changed(desk.vendor, last[0])


def test_values_that_a_vendor_takes_once_only_change_places(desk: Desk) -> None:
    name = next((n for n in desk.case.kinds if desk.writer.is_unique(n)), None)
    if name is None:
        pytest.skip("this vendor takes any value as often as it comes")
    first, second = desk.records(2)
    desk.deliver(Wish(first, {name: ID}, "1"))
    # the ID goes over to the second record, which comes first
    done = desk.deliver(Wish(second, {name: ID}, "2"), Wish(first, {name: OTHER_ID}, "3"), ours={name: ID})
    assert {fate for d in done.values() for fate in d.fates.values()} == {"sent"}
    held = [desk.case.held(desk.vendor, record, name) for record in (first, second)]
    assert held == [OTHER_ID, ID]


def test_two_records_exchange_such_values(desk: Desk) -> None:
    name = next((n for n in desk.case.kinds if desk.writer.is_unique(n)), None)
    if name is None:
        pytest.skip("this vendor takes any value as often as it comes")
    first, second, third = desk.records(3)
    desk.deliver(Wish(first, {name: ID}, "1"), Wish(second, {name: OTHER_ID}, "2"), Wish(third, {name: "taken"}, "3"))

    def ours(record: str, name: str, text: str) -> bool:
        return text != "taken"

    wishes = [Wish(first, {name: OTHER_ID}, "4"), Wish(second, {name: ID}, "5")]
    done = [delivery for batch in Deliverer(desk.writer, ours).deliver(wishes) for delivery in batch]
    assert [delivery.fates for delivery in done] == [{name: "sent"}] * 2
    assert [desk.case.held(desk.vendor, record, name) for record in (first, second)] == [OTHER_ID, ID]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("decimal", "120.5000", "120.5"),
        ("decimal", 100, "100"),
        ("decimal", "-0.0", "0"),
        ("decimal", "1E+3", "1000"),
        ("decimal", "about ten", "about ten"),
        ("integer", "7", "7"),
        ("boolean", True, "true"),
        ("boolean", "False", "false"),
        ("date", "2026-03-01T00:00:00+00:00", "2026-03-01"),
        ("time", "2026-03-01T10:00:00+02:00", "2026-03-01T08:00:00Z"),
        ("time", datetime(2026, 3, 1, 8, tzinfo=UTC), "2026-03-01T08:00:00Z"),
        ("text", "", None),
        ("text", None, None),
        ("text", "007", "007"),
    ],
)
def test_a_value_has_one_text_however_it_is_written(kind: Any, value: Any, text: str | None) -> None:
    assert canonical(kind, value) == text
