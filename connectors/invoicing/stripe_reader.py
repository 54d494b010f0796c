"""How one stream of Stripe's is read: everything, the changes since, or a window of time.

Requests and pages; the bookkeeping of the event feed is in ``stripe_events.py``, what is read along with charges in
``stripe_links.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil
from typing import Any
from urllib.parse import quote

import simplejson

from connectors.contract import Checkpoint, Page, Record, Reject
from connectors.http import HttpSession
from connectors.invoicing.stripe_events import KEPT, OVERLAP, REFRESH, Event, Position, Resource, batches, read_event
from connectors.invoicing.stripe_links import InvoicePayments
from connectors.page_guard import PageGuard
from hub.contract.errors import CredentialsError, ProtocolError

log = logging.getLogger(__name__)


class StripeReader:
    """One reading of one stream.

    Args:
        page_size: how many objects are asked for at once.
        remedies: what to do where the key may not read a list, by the list's name; the session's own remedy for all others.
    """

    def __init__(self, session: HttpSession, resource: Resource, *, page_size: int, remedies: Mapping[str, str]) -> None:
        self._session, self._resource, self._page_size, self._remedies = session, resource, page_size, remedies
        self._links = InvoicePayments(self._pages) if resource.along else None
        self._now = datetime.now(UTC)

    def read(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """Everything if need be, then the changes since."""
        try:
            yield from self._read(checkpoint)
        finally:
            self._forget_links()

    def _read(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        newest = self._newest()
        position = Position.load(checkpoint) if checkpoint else None
        if position and position.may_have_lost(newest, self._now):
            self._warn("Stripe may have dropped events since the last reading; everything is read again")
            position = None
        if position and position.along != self._resource.along:
            self._warn(f"{self._resource.along or 'nothing'} is to be read along from now on; everything is read again")
            position = None
        if position is None:
            # what happened before now is in what is about to be read
            begun = Position(None, {}, self._now, along=self._resource.along)
            position = begun.handled(self._changes_since(newest) if newest is not None else (), newest)
            position = yield from self._everything(position, begins=True)
        elif position.after is not None:
            position = yield from self._everything(position, begins=False)
        yield from self._changes(position, newest)

    def window(self, since: datetime, until: datetime) -> Iterator[Page]:
        """What was created in a window, and what Stripe still knows to have changed in it; see `Stream.window`."""
        first, end, after = int(since.timestamp()), ceil(until.timestamp()), None
        within = {"created[gte]": first, "created[lt]": end}
        if self._now - since >= KEPT:
            self._warn("Stripe keeps events for 30 days; what only changed in this window, but before that, is not read again")
        try:
            for data in self._pages(self._resource.name, {**self._expansion("data."), **within}):
                records, rejects = self._sort(data, after or f"second {first}")
                yield Page(records, {}, rejects)
                after = data[-1].get("id") if data and isinstance(data[-1], dict) else after
            # what was created in the window has just been read
            events = [e for e in self._events(within) if e.listed is None or not first <= e.listed < end]
            for batch in batches(self._located(events)):
                yield Page([self._again(object_id, second) for object_id, second in batch], {})
        finally:
            self._forget_links()

    # everything --------------------------------------------------------------------------------------------------

    def _everything(self, position: Position, *, begins: bool) -> Generator[Page, None, Position]:
        guard = PageGuard(self._session.source, self._resource.name)
        while True:
            page = self._page_after(position, self._expansion("data."))
            records, rejects = self._sort(page["data"], position.after or "the beginning")
            position = replace(position, after=None, after_created=None)
            if page["has_more"]:
                last = guard.advance(self._last_id(page["data"]))
                position = replace(position, after=last, after_created=page["data"][-1].get("created"))
            yield Page(records, position.dump(), rejects, begins=begins)
            begins = False
            if position.after is None:
                self._forget_links()  # they are as old as the beginning of the list; what changes now is asked for anew
                return position

    def _page_after(self, position: Position, query: dict[str, Any]) -> dict[str, Any]:
        if position.after is None:
            return self._list(self._resource.name, query)
        try:
            return self._list(self._resource.name, {**query, "starting_after": position.after})
        except ProtocolError:
            if position.after_created is None:
                raise
            # a draft that was deleted meanwhile cannot be gone on after; its time will do, as the list is ordered by it
            self._warn(f"cannot go on after {position.after}; going on by its time")
            return self._list(self._resource.name, {**query, "created[lte]": position.after_created})

    def _sort(self, items: list[Any], after: str) -> tuple[list[Record], list[Reject]]:
        records, rejects = [], []
        if self._links is not None:
            self._links.read_all(items)
        for number, item in enumerate(items, 1):
            if isinstance(item, dict) and item.get("id") and isinstance(item["id"], str):
                records.append(self._record(item, _time(item.get("created"))))
            else:
                rejects.append(
                    Reject(simplejson.dumps(item, use_decimal=True), "it has no field id", f"item {number} after {after}")
                )
        return records, rejects

    def _record(self, item: dict[str, Any], updated_at: datetime | None) -> Record:
        payload = item if self._links is None else self._links.added(item)
        return Record(item["id"], payload, updated_at, "delete" if item.get("deleted") is True else "upsert")

    def _forget_links(self) -> None:
        if self._links is not None:
            self._links.close()

    def _expansion(self, prefix: str) -> dict[str, Any]:
        return {"expand[]": f"{prefix}{self._resource.expand}"} if self._resource.expand else {}

    # changes -----------------------------------------------------------------------------------------------------

    def _changes(self, position: Position, newest: int | None) -> Iterator[Page]:
        events = self._changes_since(position.watermark)
        todo = list(batches(self._located(position.fresh(events))))
        end = max((second for second in (newest, *(e.created for e in events)) if second is not None), default=None)
        done = replace(position.handled(events, end), checked=self._now)
        if not todo and self._now - position.checked >= REFRESH:
            yield Page([], done.dump())
        for number, batch in enumerate(todo, 1):
            records = [self._again(object_id, second) for object_id, second in batch]
            yield Page(records, (done if number == len(todo) else position.handled(events, batch[-1][1])).dump())

    def _located(self, events: Iterable[Event]) -> list[Event]:
        """The events with those that name no object of the stream put down to the objects that the stream's list finds for them.

        Where an event names such an object itself, the other need not be asked for: both tell of one change.
        """
        events = list(events)
        told, found = {e.via for e in events if e.object_id is not None}, []
        for event in events:
            if event.object_id is not None:
                found.append(event)
            elif event.via is not None and event.via not in told and self._resource.via is not None:
                for page in self._pages(self._resource.name, {self._resource.via: event.via}):
                    found += [replace(event, object_id=self._id(item)) for item in page]
        return found

    def _again(self, object_id: str, second: int) -> Record:
        path = f"{self._resource.name}/{quote(object_id, safe='')}"
        item = self._get(path, self._expansion(""), missing_ok=True)
        if item is None:  # 404 is how a deleted draft answers; a deleted customer answers with a stub
            return Record(object_id, {}, _time(second), "delete")
        if not isinstance(item, dict) or item.get("id") != object_id:
            raise self._broken("sent something else than the object asked for", object_id)
        return self._record(item, _time(second))

    def _newest(self) -> int | None:
        """Stripe's time of the newest event of any kind, None if there is none."""
        page = self._list("events", {"limit": 1})
        return self._event(page["data"][0]).created if page["data"] else None

    def _changes_since(self, watermark: int | None) -> list[Event]:
        """The stream's events from `OVERLAP` seconds before the watermark on; without one, all there are."""
        return self._events({} if watermark is None else {"created[gte]": watermark - OVERLAP})

    def _events(self, query: dict[str, Any]) -> list[Event]:
        pages = self._pages("events", {"types[]": list(self._resource.events), **query})
        return [self._event(item) for page in pages for item in page]

    def _event(self, item: Any) -> Event:
        try:
            return read_event(item, self._resource)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._broken("sent an event without id, created or data.object") from None

    # requests ----------------------------------------------------------------------------------------------------

    def _pages(self, path: str, query: dict[str, Any]) -> Iterator[list[Any]]:
        guard = PageGuard(self._session.source, self._resource.name)
        while True:
            page = self._list(path, query)
            yield page["data"]
            if not page["has_more"]:
                return
            query = {**query, "starting_after": guard.advance(self._last_id(page["data"]))}

    def _list(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        page = self._get(path, {"limit": self._page_size, **query})
        if not isinstance(page, dict) or not isinstance(page.get("data"), list) or not isinstance(page.get("has_more"), bool):
            raise self._broken(f"sent a page of {path} without data or has_more")
        return page

    def _get(self, path: str, query: dict[str, Any], *, missing_ok: bool = False) -> Any:
        try:
            return self._session.get(f"/v1/{path}", stream=self._resource.name, params=query or None, missing_ok=missing_ok)
        except CredentialsError as error:
            remedy = self._remedies.get(path.partition("/")[0])
            if remedy is None or not error.what.startswith("403"):
                raise
            raise CredentialsError(error.what, source=error.source, stream=error.stream, remedy=remedy) from error

    def _last_id(self, items: list[Any]) -> str:
        if not items or not isinstance(items[-1], dict) or not isinstance(items[-1].get("id"), str):
            raise self._broken("says that there is more, but sent nothing to go on after")
        return str(items[-1]["id"])

    def _id(self, item: Any) -> str:
        if not isinstance(item, dict) or not isinstance(item.get("id"), str):
            raise self._broken("sent an object without id")
        return str(item["id"])

    def _broken(self, what: str, record: str | None = None) -> ProtocolError:
        remedy = "run the sync again, and check base_url if it stays"
        return ProtocolError(
            f"Stripe {what}", source=self._session.source, stream=self._resource.name, record=record, remedy=remedy
        )

    def _warn(self, what: str) -> None:
        log.warning("%s/%s: %s", self._session.source, self._resource.name, what)


def _time(seconds: Any) -> datetime | None:
    """Unix seconds as a time, None if they are none."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
