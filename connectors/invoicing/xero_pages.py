"""How a list of Xero's is walked so that no record is lost while others change; pure, requests are made in xero_api.py.

Xero numbers pages. A record that changes while we read moves to the end of the list, all after it move up by one, and the first of
the next page slips into the one already read. So we do not count pages but go by time: the list is ordered by UpdatedDateUTC, and
the next question is page 1 of what changed since the last record seen. Nothing that happens can move a record ahead of that.

`If-Modified-Since` counts whole seconds, and whether the second itself belongs to it is not documented; each question reaches one
second back. Where more records than fit on a page bear one time, their pages have to be counted after all; then they are counted
again from the first, until a passage brings nothing that was not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

SECOND = timedelta(seconds=1)
PASSAGES = 20  # through the same pages; a list that still moves after so many is not one we can read


@dataclass(frozen=True)
class Place:
    """A question: what changed since a time (None: everything), and which page of that."""

    since: datetime | None
    page: int = 1


@dataclass(frozen=True)
class Slice:
    """An answer.

    Attributes:
        items: the records.
        more: whether Xero has further pages.
    """

    items: list[Any]
    more: bool


class UnsteadyError(Exception):
    """The list changed under every passage."""


def walk(
    fetch: Callable[[Place], Slice], start: Place, key: Callable[[Any], str], changed: Callable[[Any], datetime | None]
) -> Iterator[tuple[list[Any], Place | None]]:
    """What is not yet seen of each page, and where to go on after it; None at the end.

    Args:
        fetch: asks.
        start: the first question.
        key: tells records apart.
        changed: when a record changed, None if it does not say.

    Raises:
        UnsteadyError: see there.
    """
    place: Place | None = start
    seen: set[tuple[str, datetime | None]] = set()
    counted, passages = start.page > 1, 0  # whether this passage read more pages than the first
    unseen = 0
    while place is not None:
        got = fetch(place)
        marks = [(key(item), changed(item)) for item in got.items]
        new = [item for item, mark in zip(got.items, marks, strict=True) if mark not in seen]
        edge = _edge(marks, place) if got.more else None
        # records later than the edge are asked for again by time; those before it are reached by number only
        unseen += sum(1 for mark in marks if mark not in seen and (edge is None or mark[1] is None or mark[1] < edge + SECOND))
        seen.update(marks)
        if got.more and edge is None:
            counted = True
            place = Place(place.since, place.page + 1)
        elif counted and unseen:
            passages += 1
            if passages > PASSAGES:
                raise UnsteadyError
            counted, unseen = False, 0
            place = Place(place.since)
        else:
            counted, passages, unseen = False, 0, 0
            seen = set(marks)
            place = Place(edge) if edge is not None else None
        yield new, place


def _edge(marks: list[tuple[str, datetime | None]], place: Place) -> datetime | None:
    """The time to ask from next; None where that would not lead on, or the page does not keep the order."""
    times = [at for _, at in marks if at is not None]
    if not times or any(later < earlier for earlier, later in pairwise(times)):
        return None
    edge = times[-1].replace(microsecond=0) - SECOND
    return edge if place.since is None or edge > place.since else None


def text_of(at: datetime | None) -> str | None:
    """A time as Xero's header and our checkpoint have it, in whole seconds UTC."""
    return None if at is None else at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
