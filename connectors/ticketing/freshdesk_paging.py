"""How Freshdesk's lists are paged so that nothing slips between two pages. What the records are is told in freshdesk.py.

Freshdesk pages by number only. While one page is read and the next is not yet asked for, a record can leave the place it has on a
page already read; all that follow move up, and the first of the next page is never seen. So no list is paged plainly:

- Each page is asked for in such a size that it begins a little before the end of the last one. A record known from there, in its
  old place, shows that nothing was lost in between; where none shows, we step back until one does.
- Tickets can moreover be ordered by time of change. After each page the list is asked for anew from the last time seen, so that
  pages are counted only where more than a page of tickets changed within a second or two. That keeps far away from page 300,
  beyond which Freshdesk does not go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import simplejson

from connectors.ticketing.freshdesk_desk import Listed
from connectors.ticketing.freshdesk_records import changed, key_of
from hub.contract.errors import ProtocolError

LAST_PAGE = 300  # of a list of tickets; what lies beyond is refused
OVERLAP = 2
SLACK = timedelta(seconds=1)
_TAIL = 10
_PATIENCE = 20


@dataclass
class Place:
    """How far a list was read: so many records, of which the last are known by their marks (see `_mark`)."""

    position: int = 0
    tail: tuple[str, ...] = ()

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {"position": self.position, "tail": list(self.tail[-_TAIL:])}

    @classmethod
    def load(cls, value: Mapping[str, Any]) -> Place:
        """From JSON; the beginning if it is none of ours."""
        position, tail = value.get("position"), value.get("tail")
        if not isinstance(position, int) or position < 0 or not isinstance(tail, list):
            return cls()
        return cls(position, tuple(map(str, tail)))


@dataclass(frozen=True)
class Window:
    """A page that joins on to those before it.

    Attributes:
        items: all of it.
        fresh: what the page before did not have, or not so.
        more: whether the list goes on.
        place: how far the list is read with it.
    """

    items: list[Any]
    fresh: list[Any]
    more: bool
    place: Place


def overlapped(
    ask: Callable[[int, int], Listed], place: Place, size: int, *, order: str, source: str, stream: str
) -> Iterator[Window]:
    """The windows of a list.

    Args:
        ask: a page by its number and size.
        place: from where on.
        size: the most records a page may have.
        order: the field by which the list is ordered.

    Raises:
        ProtocolError: we step back again and again and never find on.
    """
    back, joined, again, patience = 0, place.position == 0, False, _PATIENCE
    farthest, held = place.position, dict[str, Any]()
    while True:
        page, width = window(max(0, place.position - back), size)
        begin, listed = (page - 1) * width, ask(page, width)
        if not listed.items and listed.more and not again:
            again = True  # an empty page that promises more is asked for once more
            continue
        again = False
        marks = [_mark(item, order) for item in listed.items]
        known = not set(place.tail).isdisjoint(marks[:1])
        if not (joined or known or begin == 0 or (not listed.items and listed.more)):
            # more than the overlap has left the pages before, or something new stands there; what we know lies farther up
            back = place.position - begin + size // 2
            patience -= 1
            if patience == 0:
                raise ProtocolError(
                    "the list changes faster than it can be read, or keeps no order",
                    source=source,
                    stream=stream,
                    remedy="what came before is kept; run the sync again, at a quieter hour if it stays",
                )
            continue
        fresh = [item for item, mark in zip(listed.items, marks, strict=True) if held.get(mark) != item]
        held = dict(zip(marks, listed.items, strict=True))
        # where an empty page was passed over there is nothing to know the next one by
        back, joined = 0, not listed.items
        place = Place(begin + (len(listed.items) or width), (*place.tail, *marks)[-4 * size :])
        if place.position > farthest:
            farthest, patience = place.position, _PATIENCE
        yield Window(listed.items, fresh, listed.more, place)
        if not listed.more:
            return


def by_change(
    ask: Callable[[datetime, int, int], Listed], since: datetime, size: int, *, source: str, stream: str
) -> Iterator[list[Any]]:
    """The records of a list ordered by time of change, from a time on; each once in each state it was seen in.

    Args:
        ask: a page by the time asked from, its number and size.

    Raises:
        ProtocolError: the records are not in that order, or a second or two hold more than Freshdesk shows.
    """
    floor: datetime | None = since.replace(microsecond=0)
    seen: dict[str, Any] = {}

    def page(number: int, width: int) -> Listed:
        assert floor is not None
        if number > LAST_PAGE:
            raise ProtocolError(
                f"more records changed within a second or two than fit into the {LAST_PAGE} pages that Freshdesk shows",
                source=source,
                stream=stream,
                remedy="set per_page to 100; if it is, ask Freshdesk for an export of these records",
            )
        return ask(floor, number, width)

    while floor is not None:
        start, floor_next = floor, None
        for found in overlapped(page, Place(), size, order="updated_at", source=source, stream=stream):
            times = [moment for moment in map(changed, found.items) if moment]
            if times != sorted(times):
                raise ProtocolError(
                    "the records did not come in the order of their change", source=source, stream=stream, remedy="report it to us"
                )
            yield _unseen(found.fresh, seen)
            if found.more and times and times[0] < times[-1] - 2 * SLACK and times[-1] - SLACK > start:
                floor_next = times[-1] - SLACK
                break
        if floor_next is not None:
            edge = floor_next - SLACK
            seen = {key: item for key, item in seen.items() if (moment := changed(item)) and moment >= edge}
        floor = floor_next


def window(position: int, size: int) -> tuple[int, int]:
    """(page, per_page) of the page that begins at least `OVERLAP` records before a position and reaches farthest beyond it."""
    if position == 0:
        return 1, size
    for overlap in range(min(OVERLAP, position), 0, -1):
        begins = [((position - overlap) // width * width, width) for width in range(size, 1, -1)]
        begin, width = max(begins, key=sum)
        if begin + width > position:
            return begin // width + 1, width
    # only where a position is divisible by every size: two pages meet there without an overlap
    return position // size + 1, size


def _unseen(items: list[Any], seen: dict[str, Any]) -> list[Any]:
    found = []
    for item in items:
        key = key_of(item) or simplejson.dumps(item, use_decimal=True)
        if key not in seen or seen[key] != item:
            seen[key] = item
            found.append(item)
    return found


def _mark(item: Any, order: str) -> str:
    """Knows a record in its place: by its ID and what put it there, so that one that was moved is not taken for it."""
    found = f"{key_of(item)}|{item.get(order) if isinstance(item, dict) else item}"
    return hashlib.blake2b(found.encode(errors="replace"), digest_size=6).hexdigest()
