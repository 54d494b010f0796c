"""A list that is paged by offset is read whole, whatever leaves it or joins it meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connectors.ecommerce.woocommerce_list import DisorderError, Place, id_of, walk


class Shelf:
    """A list in order of ID. ``hidden`` rows are counted and not shown; ``between`` happens before each page but the first."""

    def __init__(self, *ids: int, size: int = 3) -> None:
        self.ids, self.size = list(ids), size
        self.hidden: set[int] = set()
        self.between: list[Callable[[], None]] = []
        self.offsets: list[int] = []

    def __call__(self, offset: int) -> tuple[list[Any], int]:
        if self.offsets and self.between:
            self.between.pop(0)()
        self.offsets.append(offset)
        cut = self.ids[offset : offset + self.size]
        # WordPress knows no total behind the end of a list
        return [{"id": number} for number in cut if number not in self.hidden], len(self.ids) if cut else 0

    def leave(self, *ids: int) -> None:
        self.ids = [number for number in self.ids if number not in ids]

    def join(self, *ids: int) -> None:
        self.ids = sorted({*self.ids, *ids})


def read(shelf: Callable[[int], tuple[list[Any], int]], size: int = 3, place: Place | None = None) -> list[int]:
    return [number for rows, _ in walk(shelf, size, place or Place()) for number in map(id_of, rows) if number is not None]


def test_every_page_begins_with_the_last_row_of_the_one_before() -> None:
    shelf = Shelf(*range(1, 8))
    assert read(shelf) == [1, 2, 3, 4, 5, 6, 7]
    assert shelf.offsets == [0, 2, 4]


@pytest.mark.parametrize("ids", [(), (4,), (4, 9), (4, 9, 11)])
def test_a_short_list_takes_one_page(ids: tuple[int, ...]) -> None:
    shelf = Shelf(*ids)
    assert read(shelf) == list(ids)
    assert shelf.offsets == [0]


def test_rows_that_leave_do_not_take_others_along() -> None:
    shelf = Shelf(*range(1, 10))
    shelf.between = [lambda: shelf.leave(1, 2)]
    assert read(shelf) == list(range(1, 10))
    assert shelf.offsets[:3] == [0, 2, 0], "it went back until the pages met"


def test_one_that_leaves_while_another_joins_is_seen_though_the_length_stays() -> None:
    shelf = Shelf(*range(1, 10))

    def stir() -> None:
        shelf.leave(2)
        shelf.join(99)

    shelf.between = [stir]
    assert read(shelf) == [*range(1, 10), 99]


def test_rows_that_join_behind_our_back_shift_the_others_and_none_is_lost_or_twice() -> None:
    shelf = Shelf(*range(100, 110))
    shelf.between = [lambda: shelf.join(*range(1, 6)), lambda: shelf.join(6, 7)]
    assert read(shelf) == list(range(100, 110))


def test_most_of_a_list_may_leave_at_once() -> None:
    shelf = Shelf(*range(1, 400))
    shelf.between = [lambda: None, lambda: shelf.leave(*range(1, 4))] + [lambda: None] * 60 + [lambda: shelf.leave(*range(1, 120))]
    found = read(shelf)
    assert found[-1] == 399
    assert set(found) >= set(range(120, 400))


def test_a_list_that_became_shorter_than_where_we_stand_is_not_taken_for_read() -> None:
    shelf = Shelf(*range(1, 10))
    shelf.between = [lambda: None, lambda: shelf.leave(1, 2, 3, 4, 5)]
    assert read(shelf) == list(range(1, 10))


def test_a_page_that_comes_empty_once_is_asked_for_again() -> None:
    shelf, empty = Shelf(*range(1, 10)), [True]

    def flaky(offset: int) -> tuple[list[Any], int]:
        rows, total = shelf(offset)
        return ([], total) if offset and empty and empty.pop() else (rows, total)

    assert read(flaky) == list(range(1, 10))


def test_a_page_that_comes_short_once_is_asked_for_again() -> None:
    shelf, short = Shelf(*range(1, 10)), [True]

    def flaky(offset: int) -> tuple[list[Any], int]:
        rows, total = shelf(offset)
        return (rows[:1], total) if offset and short and short.pop() else (rows, total)

    assert read(flaky) == list(range(1, 10))
    assert shelf.offsets == [0, 2, 2, 4, 6]


def test_where_rows_at_the_seam_are_hidden_the_length_of_the_list_tells_of_those_that_left() -> None:
    shelf = Shelf(*range(1, 13))
    shelf.hidden = {3, 4, 5}

    def ask(offset: int) -> tuple[list[Any], int]:
        if offset == 4 and 1 in shelf.ids:
            shelf.leave(1, 2)
        return shelf(offset)

    assert read(ask) == [1, 2, *range(6, 13)]


def test_an_empty_page_in_the_middle_does_not_end_the_reading() -> None:
    shelf = Shelf(*range(1, 13))
    shelf.hidden = {4, 5, 6, 7}
    assert read(shelf) == [1, 2, 3, 8, 9, 10, 11, 12]


@pytest.mark.parametrize("hidden", [{1}, {3}, {2, 3}, {1, 2, 3, 4}, {9}, {8, 9}, set(range(1, 10))])
def test_rows_the_shop_counts_but_does_not_show_hide_no_others(hidden: set[int]) -> None:
    shelf = Shelf(*range(1, 10))
    shelf.hidden = hidden
    assert read(shelf) == [number for number in range(1, 10) if number not in hidden]


def test_a_row_without_an_id_comes_through_and_holds_nothing_up() -> None:
    def ask(offset: int) -> tuple[list[Any], int]:
        rows: list[Any] = [{"id": 1}, {"id": 2}, {"name": "no ID"}, {"id": None}, "?", {"id": 6}, {"id": 7}]
        return rows[offset : offset + 3], 7

    found = [row for rows, _ in walk(ask, 3, Place()) for row in rows]
    assert [number for number in map(id_of, found) if number] == [1, 2, 6, 7]
    assert {"name": "no ID"} in found
    assert "?" in found


def test_a_reading_goes_on_from_a_place_kept_as_json() -> None:
    shelf = Shelf(*range(1, 12))
    first, place = next(walk(shelf, 3, Place()))
    assert place is not None
    kept = Place.load(json.loads(json.dumps(place.dump())))
    assert kept == place
    shelf.leave(1)
    shelf.join(50)
    assert [row["id"] for row in first] + read(shelf, place=kept) == [*range(1, 12), 50]


@pytest.mark.parametrize(
    ("answers", "what"),
    [
        ([([{"id": 2}, {"id": 1}], 2)], "not in order of ID"),
        ([([{"id": 1}, {"id": 1}], 2)], "not in order of ID"),
        ([([{"id": 1}, {"id": 2}, {"id": 3}], 9)] * 3, "the same page came twice"),
        ([([{"id": 1}, {"id": 2}], 1)] * 2, "shorter than what came of it"),
    ],
)
def test_what_breaks_the_rules_is_an_error_and_not_a_gap(answers: list[tuple[list[Any], int]], what: str) -> None:
    left = list(answers)
    with pytest.raises(DisorderError, match=what):
        read(lambda offset: left.pop(0))


def test_a_list_that_never_holds_still_is_given_up() -> None:
    served = 0

    def ask(offset: int) -> tuple[list[Any], int]:
        nonlocal served
        served += 1
        assert served < 1_000
        return [{"id": offset + (1_000 if offset else 0) + n} for n in range(1, 4)], 9

    with pytest.raises(DisorderError, match="changes faster than it can be read"):
        read(ask)


def test_a_page_that_comes_again_and_again_while_the_list_is_said_to_grow_is_given_up() -> None:
    served = 0

    def ask(offset: int) -> tuple[list[Any], int]:
        nonlocal served
        served += 1
        assert served < 1_000
        return [{"id": 1}, {"id": 2}, {"id": 3}], 100 + served

    with pytest.raises(DisorderError, match="grows faster than it can be read"):
        read(ask)


Steps = st.lists(st.tuples(st.sets(st.integers(1, 60), max_size=8), st.sets(st.integers(1, 90), max_size=3)), max_size=40)


@given(
    ids=st.sets(st.integers(1, 60), max_size=60),
    steps=Steps,
    hidden=st.sets(st.integers(1, 60), max_size=4),
    size=st.integers(2, 7),
    broken_off=st.integers(1, 8),
)
@settings(max_examples=400, deadline=None)
def test_whatever_happens_what_was_there_all_along_is_read_once(
    ids: set[int], steps: Any, hidden: set[int], size: int, broken_off: int
) -> None:
    shelf = Shelf(*sorted(ids), size=size)
    shelf.hidden = hidden
    stayed = set(ids) - hidden

    def change(gone: set[int], came: set[int]) -> None:
        shelf.leave(*gone)
        shelf.join(*came - ids)
        stayed.difference_update(gone)

    # where rows at a seam are hidden, only the list's length tells of changes; here it is one or the other
    if not hidden:
        shelf.between = [lambda gone=gone, came=came: change(gone, came) for gone, came in steps]
    found: list[int] = []
    place: Place | None = Place()
    while place is not None:
        pages = islice(walk(shelf, size, place), broken_off)
        try:
            for rows, following in pages:
                found += [row["id"] for row in rows]
                place = following and Place.load(json.loads(json.dumps(following.dump())))
        except DisorderError:
            assume(False)  # as many joined before the page as left behind it: taken for a page that came twice, said and not lost
    assert stayed <= set(found)
    assert len(found) == len(set(found))
