"""Reading a Vendure list whole although it changes meanwhile. What is in the list is the connector's affair.

Vendure pages by offset, so that every row behind one that leaves the list (a customer who is deleted) moves up, and a reader who
simply asks for the next page steps over some. Hence the list is asked for in order of ID, which no change alters, and each page
begins with the last row of the page before. A page that holds none of the rows of the page before has moved away from it, and we
go back until the two meet again. IDs may be numbers or UUIDs, so they are only ever compared for being the same. Rows that join the
list behind our back have changed after the reading began; the next reading is for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Ask = Callable[[int], tuple[list[Any], int]]
"""Given an offset, the rows there, in order of ID, and how many the list has."""

MOST_TURNS = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading stands.

    Attributes:
        offset: of the next page.
        last: the last ID read, None at the beginning.
    """

    offset: int = 0
    last: str | None = None

    def dump(self) -> list[Any]:
        """As JSON; see `load`."""
        return [self.offset, self.last]

    @classmethod
    def load(cls, stored: Any) -> Place:
        """From JSON; the beginning where there is none."""
        offset, last = stored or (0, None)
        return cls(offset, last)


class DisorderError(Exception):
    """The list never holds still, or the same page comes for every offset; says which."""


def id_of(row: Any) -> str | None:
    """A row's ID, None if it has none."""
    found = row.get("id") if isinstance(row, dict) else None
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) and found != "" else None


def walk(ask: Ask, size: int, place: Place) -> Iterator[tuple[list[Any], Place | None]]:
    """The rows of a list, page by page, each page with the place of the next; None after the last. A row may come twice.

    Args:
        ask: gets a page.
        size: rows per page, at least 2.
        place: where to go on; `Place()` for the beginning.

    Raises:
        DisorderError: see there.
    """
    offset, known, before, length = place.offset, {place.last}, list[str | None](), -1
    turns, furthest = 0, offset
    while True:
        rows, total = ask(offset)
        ids = [id_of(row) for row in rows]
        behind, shown = offset + len(rows), {found for found in ids if found is not None}
        # a proxy that answers from memory gives one page for every offset
        again = len(ids) > 1 and ids == before and total == length
        # a list that became shorter than our offset gives no rows at all
        surplus = bool(rows) and behind > total
        meets = offset == 0 or not known.isdisjoint(shown)
        fresh = [row for row, found in zip(rows, ids, strict=True) if found is None or found not in known]
        before, length = ids, total
        if meets and not again and not surplus and (fresh or behind >= total):
            if behind >= total:
                yield fresh, None
                return
            seam = max((number for number, found in enumerate(ids) if found is not None), default=0)
            offset, known = offset + seam, {*shown}
            if offset > furthest:
                turns, furthest = 0, offset
            yield fresh, Place(offset, ids[seam])
            continue
        turns += 1
        if turns > MOST_TURNS:
            raise DisorderError("the same page comes again and again" if again else "the list changes faster than it can be read")
        if again:
            offset = max(0, offset - 1)  # which gives another page, if there is no such proxy
        elif not meets:
            # one row gone means one step back; after many were deleted it may be thousands
            offset = max(0, offset - (size - 1) * 2 ** min(turns - 1, 20))
        elif not surplus:
            offset = max(offset + 1, behind - 1)
