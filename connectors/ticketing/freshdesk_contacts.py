"""Freshdesk's contacts: those in use, the blocked and the deleted, each list in alphabetical order, with their companies' names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from connectors.contract import Checkpoint, Page
from connectors.ticketing.freshdesk_desk import Desk, Listed
from connectors.ticketing.freshdesk_extras import Companies
from connectors.ticketing.freshdesk_paging import Place, overlapped
from connectors.ticketing.freshdesk_records import Listing, before, changed, latest, moment_of, text_of

_LISTS = (
    Listing("contacts", {}),
    Listing("blocked", {"state": "blocked"}),
    Listing("deleted", {"state": "deleted"}, "deleted"),
)


class ContactReader:
    """Reads the stream; arguments as for tickets."""

    def __init__(self, desk: Desk, source: str, start: datetime, look_back: timedelta, size: int) -> None:
        self._desk, self._source, self._start, self._look_back, self._size = desk, source, start, look_back, size

    def read(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """The checkpoint holds the watermark of each list and, in the midst of one, under ``reading`` how far it was read."""
        position: Checkpoint = checkpoint or {}
        self._desk.begin()
        companies, names = Companies(self._desk, self._source), [listing.name for listing in _LISTS]
        broken_off = (position.get("reading") or {}).get("list")
        # what changed in the lists before the one that was broken off comes with the next reading
        for listing in _LISTS[names.index(broken_off) if broken_off in names else 0 :]:
            for page in self._alphabetical(listing, position):
                position = page.checkpoint
                yield page if listing.gone else _in_companies(page, companies)

    def between(self, since: datetime, until: datetime) -> Iterator[Page]:
        """A contact that changed again after the window is left to the ordinary reading, which has it or will."""
        for page in self.read({listing.name: text_of(since + self._look_back) for listing in _LISTS}):
            yield before(page, until)

    def _alphabetical(self, listing: Listing, position: Checkpoint) -> Iterator[Page]:
        reading = position.get("reading") or {}
        rest = {name: value for name, value in position.items() if name != "reading"}
        stored, high = moment_of(rest.get(listing.name)), moment_of(reading.get("high"))
        began = moment_of(reading.get("began")) or self._desk.now()
        since = max(stored - self._look_back, self._start) if stored else self._start
        if listing.gone:
            self._desk.begin()  # `Listing.mistaken` knows better whether this is the list before once more

        def ask(number: int, width: int) -> Listed:
            # the underscore is Freshdesk's own; without it the parameter is refused
            params = {**listing.params, "_updated_since": text_of(since), "per_page": width, "page": number}
            return self._desk.page("/api/v2/contacts", stream="contacts", params=params)

        place, at = Place.load(reading), {"source": self._source, "stream": "contacts"}
        for found in overlapped(ask, place, self._size, order="name", **at):
            items, place = found.fresh, found.place
            if listing.mistaken(items, f"{self._source}/contacts"):
                break
            high = latest(high, *map(changed, items))
            if items:
                marks = {"list": listing.name, **place.dump(), "high": text_of(high) if high else None, "began": text_of(began)}
                yield listing.page(items, {**rest, "reading": marks})
        else:
            stored = latest(stored, min(high, began) if high else None)
        done = {**rest, listing.name: text_of(stored) if stored else None}
        if done != position:
            yield Page([], done)


def _in_companies(page: Page, companies: Companies) -> Page:
    named = companies.named([record.payload for record in page.records])
    return replace(page, records=[replace(r, payload=payload) for r, payload in zip(page.records, named, strict=True)])
