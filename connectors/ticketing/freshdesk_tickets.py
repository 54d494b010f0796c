"""Freshdesk's tickets: those in use, in the trash and marked as spam, each list in the order of its changes, with their ratings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from connectors.contract import Checkpoint, Page, Record
from connectors.ticketing.freshdesk_desk import Desk, Listed
from connectors.ticketing.freshdesk_extras import RATED_WITHIN, Ratings
from connectors.ticketing.freshdesk_paging import by_change
from connectors.ticketing.freshdesk_records import Listing, before, changed, key_of, latest, moment_of, text_of

_LISTS = (
    Listing("tickets", {"include": "requester,stats"}),
    Listing("deleted", {"filter": "deleted"}, "deleted"),
    Listing("spam", {"filter": "spam"}, "spam"),
)
_BATCH = 50


class TicketReader:
    """Reads the stream.

    Args:
        start: what has not changed since is left out.
        look_back: how far each reading reaches back behind its watermark.
        size: records per page.
        rated: whether satisfaction ratings are read.
    """

    def __init__(self, desk: Desk, source: str, start: datetime, look_back: timedelta, size: int, rated: bool) -> None:
        self._desk, self._source, self._start, self._look_back = desk, source, start, look_back
        self._size, self._rated = size, rated

    def read(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """What changed, what is gone, then what was only rated.

        The checkpoint holds the watermark of each list, and under ``rated`` and ``ratings`` up to where ratings were noticed.
        """
        position: Checkpoint = checkpoint or {}
        first, ratings = position.get("tickets") is None, self._ratings(position)
        if first:
            # every ticket that can be rated by now is about to be read
            ratings.awaited.clear()
            position = {**position, **ratings.looked()}
        for page in self._lists(position, ratings, None):
            position = page.checkpoint
            yield page
        yield from self._rated_only(position, ratings)

    def between(self, since: datetime, until: datetime) -> Iterator[Page]:
        """A ticket that changed again after the window is left to the ordinary reading, which has it or will."""
        position = {listing.name: text_of(since + self._look_back) for listing in _LISTS}
        for page in self._lists(position, self._ratings(position), until):
            yield before(page, until)

    def _ratings(self, position: Checkpoint) -> Ratings:
        self._desk.begin()
        since, upto = moment_of(position.get("tickets")), moment_of(position.get("rated"))
        known_from = None if since is None else min(since - RATED_WITHIN, (upto or since) - self._look_back)
        ratings = Ratings(self._desk, self._source, known_from, (upto, position.get("ratings") or ()), self._look_back)
        if self._rated:
            ratings.load(self._start)
        else:
            ratings.refused = True
        return ratings

    def _lists(self, position: Checkpoint, ratings: Ratings, until: datetime | None) -> Iterator[Page]:
        for listing in _LISTS:
            for page in self._by_change(listing, position):
                position = page.checkpoint
                yield page if listing.gone else replace(page, records=[_rated(record, ratings) for record in page.records])
                if until and page.records and all(r.updated_at and r.updated_at >= until for r in page.records):
                    break

    def _by_change(self, listing: Listing, position: Checkpoint) -> Iterator[Page]:
        began, stored = self._desk.now(), moment_of(position.get(listing.name))
        if listing.gone:
            self._desk.begin()  # `Listing.mistaken` knows better whether this is the list before once more

        def ask(floor: datetime, number: int, width: int) -> Listed:
            order = {"updated_since": text_of(floor), "order_by": "updated_at", "order_type": "asc"}
            params = {**listing.params, **order, "per_page": width, "page": number}
            return self._desk.page("/api/v2/tickets", stream="tickets", params=params)

        start, reached = max(stored - self._look_back, self._start) if stored else self._start, stored
        for items in by_change(ask, start, self._size, source=self._source, stream="tickets"):
            if listing.mistaken(items, f"{self._source}/tickets"):
                return
            # in the midst of one second's tickets this is that second, which the look-back reads again
            onward = latest(reached, *(min(moment, began) for moment in map(changed, items) if moment))
            if items or onward != reached:
                reached = onward
                position = {**position, listing.name: text_of(reached) if reached else None}
                yield listing.page(items, position)

    def _rated_only(self, position: Checkpoint, ratings: Ratings) -> Iterator[Page]:
        waiting = sorted(ratings.awaited)
        for begin in range(0, len(waiting), _BATCH):
            found = (self._ticket(key) for key in waiting[begin : begin + _BATCH])
            tickets = [ticket for ticket in found if ticket and not (ticket.get("deleted") or ticket.get("spam"))]
            yield Page([_rated(Record(str(ticket["id"]), ticket, changed(ticket)), ratings) for ticket in tickets], position)
        done = {**position, **ratings.looked()}
        if done != position:
            yield Page([], done)

    def _ticket(self, key: str) -> dict[str, Any] | None:
        found = self._desk.get(f"/api/v2/tickets/{quote(key, safe='')}", stream="tickets", params=_LISTS[0].params)
        return found if isinstance(found, dict) and key_of(found) == key else None


def _rated(record: Record, ratings: Ratings) -> Record:
    return replace(record, payload=ratings.rated(record.payload))
