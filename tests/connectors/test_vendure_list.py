"""Reading a Vendure list by offset while it changes."""

from __future__ import annotations

import uuid
from itertools import count
from random import Random
from typing import Any

import pytest

from connectors.ecommerce.vendure_list import MOST_TURNS, DisorderError, Place, id_of, walk


class Shelf:
    """A list in order of ID, and what was asked of it."""

    def __init__(self, *ids: Any) -> None:
        self.rows = [{"id": key} for key in ids]
        self.asked: list[int] = []
        self.size = 3

    def __call__(self, offset: int) -> tuple[list[Any], int]:
        self.asked.append(offset)
        return list(self.rows[offset : offset + self.size]), len(self.rows)

    def remove(self, *ids: Any) -> None:
        self.rows = [row for row in self.rows if row["id"] not in ids]


def ids(rows: list[Any]) -> list[Any]:
    return [row["id"] for row in rows]


def test_each_page_begins_with_the_last_row_of_the_page_before() -> None:
    shelf = Shelf(*range(1, 8))
    pages = [(ids(rows), place) for rows, place in walk(shelf, 3, Place())]
    assert pages == [([1, 2, 3], Place(2, "3")), ([4, 5], Place(4, "5")), ([6, 7], None)]
    assert shelf.asked == [0, 2, 4]


def test_an_empty_list_is_one_empty_page() -> None:
    assert list(walk(Shelf(), 3, Place())) == [([], None)]


def test_a_reading_goes_on_from_its_place_as_json() -> None:
    shelf = Shelf(*range(1, 8))
    reading = walk(shelf, 3, Place())
    next(reading)
    _, place = next(reading)
    assert place is not None
    assert Place.load(place.dump()) == place
    assert [row for rows, _ in walk(shelf, 3, Place.load(place.dump())) for row in ids(rows)] == [6, 7]
    assert Place.load(None) == Place()


@pytest.mark.parametrize("gone", [(1,), (3,), (1, 2, 3), (4,), (1, 4, 5), tuple(range(1, 10))])
def test_rows_that_leave_while_we_read_hide_no_other(gone: tuple[int, ...]) -> None:
    shelf = Shelf(*range(1, 11))
    reading = walk(shelf, 3, Place())
    seen = ids(next(reading)[0])
    shelf.remove(*gone)
    seen += [row for rows, _ in reading for row in ids(rows)]
    assert set(seen) >= set(range(1, 11)) - set(gone)


def test_a_place_whose_row_is_gone_costs_a_way_back_and_no_row() -> None:
    shelf = Shelf(*range(1, 31))
    shelf.remove(3, 7)
    seen = [row for rows, _ in walk(shelf, 3, Place(6, "7")) for row in ids(rows)]
    assert set(seen) >= {row for row in range(1, 31) if row > 7}


@pytest.mark.parametrize("seed", range(40))
def test_no_row_that_stays_is_missed_whatever_leaves_and_joins_meanwhile(seed: int) -> None:
    rng = Random(seed)
    keys = sorted(str(uuid.UUID(int=rng.getrandbits(128))) for _ in range(60))
    late = [key for key in keys if rng.random() < 0.3]
    shelf = Shelf(*(key for key in keys if key not in late))
    shelf.size = rng.choice((2, 3, 5, 20))
    stays, seen = set(ids(shelf.rows)), set[str]()
    for rows, place in walk(shelf, shelf.size, Place()):
        seen |= set(ids(rows))
        assert place != Place()
        if rng.random() < 0.5 and shelf.rows:
            victims = {rng.choice(shelf.rows)["id"] for _ in range(rng.choice((1, 1, 2, 8)))}
            shelf.remove(*victims)
            stays -= victims
        if rng.random() < 0.5 and late:
            shelf.rows = sorted([*shelf.rows, {"id": late.pop()}], key=lambda row: str(row["id"]))
    assert seen >= stays


def test_an_empty_page_in_the_middle_is_asked_for_again() -> None:
    shelf, emptied = Shelf(*range(1, 8)), []

    def ask(offset: int) -> tuple[list[Any], int]:
        rows, total = shelf(offset)
        if offset == 2 and not emptied:
            emptied.append(True)
            return [], total
        return rows, total

    assert [row for rows, _ in walk(ask, 3, Place()) for row in ids(rows)] == list(range(1, 8))


@pytest.mark.parametrize("length", [5, 6, 7, 8, 20])
def test_a_proxy_that_gives_one_page_for_all_is_found_out(length: int) -> None:
    asked = 0

    def ask(offset: int) -> tuple[list[Any], int]:
        nonlocal asked
        asked += 1
        return [{"id": 1}, {"id": 2}, {"id": 3}], length

    with pytest.raises(DisorderError, match="same page"):
        list(walk(ask, 3, Place()))
    assert asked <= MOST_TURNS + 2


def test_a_list_that_never_holds_still_is_given_up() -> None:
    serial = count()
    with pytest.raises(DisorderError, match="faster"):
        list(walk(lambda offset: ([{"id": next(serial)} for _ in range(3)] if offset == 0 else [], 100), 3, Place()))


def test_a_row_without_an_id_is_handed_on_and_does_not_end_the_reading() -> None:
    shelf = Shelf(1, None, 3, None, 5, 6)
    seen = [row for rows, _ in walk(shelf, 3, Place()) for row in ids(rows)]
    assert [key for key in seen if key] == [1, 3, 5, 6]
    assert None in seen


@pytest.mark.parametrize(("row", "key"), [({"id": 7}, "7"), ({"id": "a-b"}, "a-b"), ({"id": ""}, None), ({"id": True}, None)])
def test_an_id_is_a_number_or_a_text(row: Any, key: str | None) -> None:
    assert id_of(row) == key
    assert id_of([row]) is id_of({}) is id_of({"id": None}) is None
