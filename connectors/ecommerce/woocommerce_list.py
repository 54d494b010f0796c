"""Reading a WooCommerce list whole although it changes meanwhile. What is in the list is the connector's affair.

WooCommerce pages by offset, so that every row behind one that leaves the list (an order that is trashed, a customer who is deleted)
moves up, and a reader who simply asks for the next page steps over some. Hence the list is asked for in order of ID, which no
change alters, and each page begins with the last row of the page before. Where that row, or an earlier one, comes first, nothing
lies between the two pages. Where only later ones come, rows have left, and we go back until the pages meet again. Rows that join
the list behind our back have changed after the reading began; the next reading is for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

Ask = Callable[[int], tuple[list[Any], int]]
"""Given an offset, the rows there, in order of ID, and how many the list has."""

MOST_TURNS = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading stands.

    Attributes:
        offset: of the next page.
        last: the greatest ID read.
        total: how long the list was at the last page.
        meets: whether the next page is to begin with a row we know.
    """

    offset: int = 0
    last: int = 0
    total: int = 0
    meets: bool = True

    def dump(self) -> list[int]:
        """As JSON; see `load`."""
        return [self.offset, self.last, self.total, int(self.meets)]

    @classmethod
    def load(cls, stored: Any) -> Place:
        """From JSON; the beginning where there is none."""
        offset, last, total, meets = stored or (0, 0, 0, 1)
        return cls(offset, last, total, bool(meets))


class DisorderError(Exception):
    """The list does not keep to its own order or never holds still; says how."""


def id_of(row: Any) -> int | None:
    """A row's ID, None if it has none."""
    found = row.get("id") if isinstance(row, dict) else None
    if isinstance(found, str) and found.isdecimal():
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def walk(ask: Ask, size: int, place: Place) -> Iterator[tuple[list[Any], Place | None]]:
    """The rows of a list, page by page, each page with the place of the next; None after the last.

    Args:
        ask: gets a page.
        size: rows per page, at least 2.
        place: where to go on; `Place()` for the beginning.

    Raises:
        DisorderError: see there.
    """
    turns, before, doubted = 0, list[int](), False
    while True:
        rows, total = ask(place.offset)
        ids = [number for number in map(id_of, rows) if number is not None]
        if ids != sorted(set(ids)):
            raise DisorderError("the list is not in order of ID, though that was asked for")
        if not _meets(place, ids, total):
            turns += 1
            if turns > MOST_TURNS:
                raise DisorderError("the list changes faster than it can be read")
            # one row gone means one step back; after an import was undone it may be thousands
            place = replace(place, offset=max(0, place.offset - (size - 1) * 2 ** min(turns - 1, 20)), meets=True)
            before, doubted = [], False
            continue
        surplus = place.offset + len(rows) > total
        again = len(ids) > 1 and ids == before and total == place.total
        covered = max(min(size, total - place.offset), len(rows))
        hidden = covered - len(rows)  # an order that WooCommerce counts but cannot load is left out of the page
        if (hidden or surplus or again) and not doubted:
            doubted = True
            continue  # a cache or a proxy may have spoilt the page; ask once more before we believe it
        if surplus or again:
            raise DisorderError("the same page came twice" if again else "the list is said to be shorter than what came of it")
        fresh = [row for row in rows if (id_of(row) or place.last + 1) > place.last]
        if ids and ids[-1] > place.last:
            turns = 0
        elif ids:  # rows that came back before the seam pushed known ones behind it; for ever, no shop does that
            turns += 1
            if turns > MOST_TURNS:
                raise DisorderError("the list grows faster than it can be read")
        behind, last = place.offset + covered, max([place.last, *ids])
        if behind >= total:
            yield fresh, None
            return
        # where the page ends in rows that show no ID, the seam lies further back, at the last row that does
        place = Place(place.offset + len(ids) - 1, last, total) if len(ids) > 1 else Place(behind, last, total, meets=False)
        before, doubted = ids, False
        yield fresh, place


def _meets(place: Place, ids: list[int], total: int) -> bool:
    """Whether nothing lies between what was read and this page."""
    if place.offset == 0 or (ids and ids[0] <= place.last):
        return True
    # where the rows at the seam are hidden, the length of the list must do
    return not place.meets and total == place.total
