"""Paging by number over lists that change while they are read: nothing may slip between two pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from connectors.ticketing.freshdesk_desk import Listed
from connectors.ticketing.freshdesk_paging import LAST_PAGE, Place, Window, by_change, overlapped, window
from hub.contract.errors import ProtocolError

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def at(second: float) -> datetime:
    return BEGIN + timedelta(seconds=second)


def record(key: int, second: int, **fields: Any) -> dict[str, Any]:
    return {"id": key, "updated_at": at(second).isoformat(), **fields}


class ByChange:
    """A list ordered by time of change, as a server has it; ``stir`` is called after each answer."""

    def __init__(self, records: list[dict[str, Any]], size: int) -> None:
        self.records, self.size = {r["id"]: r for r in records}, size
        self.asked: list[tuple[datetime, int]] = []
        self.stir = lambda: None

    def __call__(self, floor: datetime, page: int, width: int) -> Listed:
        self.asked.append((floor, page))
        found = [r for r in self.records.values() if datetime.fromisoformat(r["updated_at"]) >= floor]
        found.sort(key=lambda r: (r["updated_at"], r["id"]))
        cut = [dict(r) for r in found[(page - 1) * width : page * width]]
        self.stir()
        return Listed(cut, page * width < len(found))

    def read(self, since: datetime = BEGIN) -> list[dict[str, Any]]:
        return [item for items in by_change(self, since, self.size, source="desk", stream="tickets") for item in items]


def test_more_tickets_than_fit_into_the_pages_are_read_without_going_deep() -> None:
    server = ByChange([record(n, n // 3) for n in range(45_000)], size=100)
    assert sorted(r["id"] for r in server.read()) == list(range(45_000))
    assert max(page for _, page in server.asked) == 1
    assert len(server.asked) < 480, "a page that overlaps the last one by a second or two"


def test_a_second_that_fills_many_pages_is_read_to_its_end() -> None:
    many = [record(n, 50) for n in range(2_500)]
    server = ByChange([*many, *(record(10_000 + n, n) for n in range(49)), *(record(20_000 + n, 51 + n) for n in range(300))], 100)
    found = [r["id"] for r in server.read()]
    assert len(found) == len(set(found)) == 2_849
    assert 25 < max(page for _, page in server.asked) < 32


def test_a_second_that_fills_more_pages_than_there_are_is_a_clear_error() -> None:
    asked = []

    def full(floor: datetime, page: int, width: int) -> Listed:
        asked.append(page)
        return Listed([record(n, 50) for n in range((page - 1) * width, page * width)], True)

    with pytest.raises(ProtocolError, match=r"^desk/tickets: more records changed within a second or two than fit into the 300"):
        list(by_change(full, BEGIN, 100, source="desk", stream="tickets"))
    assert max(asked) <= LAST_PAGE


def test_records_out_of_order_are_not_trusted() -> None:
    with pytest.raises(ProtocolError, match="did not come in the order of their change"):
        list(by_change(lambda *_: Listed([record(1, 5), record(2, 4)], False), BEGIN, 20, source="desk", stream="tickets"))


def test_a_page_that_is_empty_though_there_is_more_does_not_end_the_reading() -> None:
    server = ByChange([record(n, n * 10) for n in range(50)], size=10)

    def gap(floor: datetime, page: int, width: int) -> Listed:
        listed = server(floor, page, width)
        return Listed([], True) if len(server.asked) == 2 else listed

    found = [item["id"] for items in by_change(gap, BEGIN, 10, source="desk", stream="tickets") for item in items]
    assert sorted(found) == list(range(50)), "it is asked for once more"


@pytest.mark.parametrize("seed", range(40))
def test_tickets_that_change_while_they_are_read_are_known_in_their_last_state(seed: int) -> None:
    rng = Random(seed)
    moments = [rng.choice((10, 10, 11, 500, 500 + n * 7)) for n in range(rng.randrange(5, 250))]
    server = ByChange([record(n, moment, state=0) for n, moment in enumerate(moments)], size=20)
    clock = 2_000

    def stir() -> None:
        nonlocal clock
        for _ in range(rng.randrange(4) if clock < 2_060 else 0):
            clock += rng.randrange(2)
            old = server.records[rng.choice(list(server.records))]
            server.records[old["id"]] = record(old["id"], clock, state=old["state"] + 1)

    server.stir = stir
    known = {item["id"]: item["state"] for item in server.read()}
    # what changes behind our back comes with the next reading, which looks back; what was old by then must be known already
    server.stir = lambda: None
    known |= {item["id"]: item["state"] for item in server.read(at(2_000))}
    assert known == {key: held["state"] for key, held in server.records.items()}


# alphabetical lists ------------------------------------------------------------------------------------------------


class Alphabet:
    """A list in alphabetical order that can be changed between two requests."""

    def __init__(self, names: list[str]) -> None:
        self.names = dict(enumerate(names))
        self.asked: list[tuple[int, int]] = []
        self.stir = lambda: None

    def __call__(self, page: int, size: int) -> Listed:
        self.asked.append((page, size))
        order = sorted(self.names, key=lambda key: (self.names[key], key))
        cut = [{"id": key, "name": self.names[key]} for key in order[(page - 1) * size : page * size]]
        more = page * size < len(order)
        self.stir()
        return Listed(cut, more)


def windows(ask: Callable[[int, int], Listed], size: int, place: Place | None = None) -> Iterator[Window]:
    return overlapped(ask, place or Place(), size, order="name", source="desk", stream="contacts")


def ids(found: Iterator[Window]) -> list[int]:
    return [item["id"] for one in found for item in one.fresh]


@pytest.mark.parametrize(("size", "most"), [(20, 1.6), (50, 1.3), (100, 1.2)])
def test_every_page_begins_before_the_end_of_the_last_and_goes_beyond_it(size: int, most: float) -> None:
    position = pages = 0
    while position < 150_000:
        page, width = window(position, size)
        begin = (page - 1) * width
        assert 1 <= width <= size
        assert begin <= max(0, position - 1) < begin + width
        assert begin + width > position
        position, pages = begin + width, pages + 1
    assert pages < most * 150_000 / size


def test_a_list_at_rest_is_read_once_from_end_to_end() -> None:
    server = Alphabet([f"{n:05d}" for n in range(1_234)])
    assert ids(windows(server, 100)) == list(range(1_234))
    assert len(server.asked) <= 16
    assert max(size for _, size in server.asked) == 100


@pytest.mark.parametrize("seed", range(60))
def test_contacts_that_stay_are_all_seen_whatever_comes_goes_and_is_renamed(seed: int) -> None:
    rng = Random(seed)
    server = Alphabet([rng.choice("abcdefghij") + f"{rng.randrange(10**6):06d}" for _ in range(rng.randrange(30, 300))])
    unmoved, stirred = set(server.names), 0

    def stir() -> None:
        nonlocal stirred
        if stirred > 25:
            return
        stirred += 1
        for _ in range(rng.choice((0, 0, 1, 2, 5, 30))):
            key = rng.choice(list(server.names))
            what = rng.randrange(3)
            if what == 0:
                server.names[max(server.names) + 1] = rng.choice("abcdefghij") + "x"
            elif len(server.names) > 25:
                unmoved.discard(key)
                if what == 1:
                    del server.names[key]
                else:
                    server.names[key] = rng.choice("abcdefghij") + "renamed"

    server.stir = stir
    assert unmoved <= set(ids(windows(server, 20)))


@pytest.mark.parametrize("gone", [0, 1, 40])
def test_a_reading_that_was_broken_off_finds_its_place_again(gone: int) -> None:
    server = Alphabet([f"{n:05d}" for n in range(200)])
    pages = windows(server, 20)
    read = [next(pages) for _ in range(5)]
    seen = set(ids(iter(read)))
    for key in range(gone):
        del server.names[key]
    kept = Place.load(read[-1].place.dump())
    server.asked.clear()
    seen |= set(ids(windows(server, 20, kept)))
    assert seen >= set(server.names)
    assert server.asked[0][0] > 1


def test_a_place_that_nobody_knows_any_more_leads_back_to_the_beginning() -> None:
    server = Alphabet([f"{n:05d}" for n in range(100)])
    assert set(ids(windows(server, 20, Place(60, ("nobody",))))) == set(range(100))
    assert Place.load({"position": "60", "tail": None}) == Place.load({}) == Place()


@pytest.mark.parametrize(("times", "lost"), [(1, False), (9, True)])
def test_an_empty_page_that_promises_more_is_asked_for_again_and_then_passed_over(times: int, lost: bool) -> None:
    server = Alphabet([f"{n:05d}" for n in range(100)])
    gaps: list[tuple[int, int]] = []

    def gap(page: int, size: int) -> Listed:
        listed = server(page, size)
        if len(gaps) < times and (page, size) == server.asked[min(2, len(server.asked) - 1)] and len(server.asked) > 2:
            gaps.append((page, size))
            return Listed([], True)
        return listed

    seen = set(ids(windows(gap, 20)))
    assert gaps
    assert max(seen) == 99
    assert (seen != set(range(100))) is lost


def test_a_list_that_keeps_no_order_is_a_clear_error() -> None:
    rng = Random(1)

    def shuffled(page: int, size: int) -> Listed:
        return Listed([{"id": rng.randrange(10**9), "name": "x"} for _ in range(size)], True)

    with pytest.raises(ProtocolError, match=r"^desk/contacts: the list changes faster than it can be read, or keeps no order"):
        ids(windows(shuffled, 20))
