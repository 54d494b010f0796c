"""Stripe: customers, invoices and charges over its REST API.

Here belongs how Stripe is read: requests, paging, deletes. What its fields mean is in ``stripe.sql``, the bookkeeping of the event
feed in ``stripe_events.py``.

Stripe's lists cannot be filtered by change, so that a stream is read in two ways:

- *Everything*: the list, newest first, page by page. Before it begins, the newest event is noted as the watermark.
- *Changes*: the events since the watermark say which objects changed, and each of those is read again by its ID: an event carries
  the object as it was, in the API version of that day.

Where Stripe may have dropped events that were never read, everything is read again.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

import simplejson
from pydantic import Field

from connectors.contract import Checkpoint, Family, Page, Record, Reject, Secret, SourceSettings, Stream
from connectors.http import HttpConnector, HttpSession, PageGuard
from connectors.invoicing.stripe_events import OVERLAP, REFRESH, RESOURCES, Event, Position, Resource, batches
from hub.contract.errors import CredentialsError, ProtocolError

log = logging.getLogger(__name__)

API_VERSION = "2026-10-28.endive"
PAGE = 100  # Stripe's maximum


class StripeSettings(SourceSettings):
    """What stands under a source of type stripe in hub.yaml."""

    api_key: Secret = Field(description="secret or restricted key; it must be allowed to read customers, invoices, charges, events")
    account: str | None = Field(None, description="a connected account to read, as acct_...")
    tax_ids: bool = Field(True, description="read customers' tax IDs too; switch it off if the key may not")


class StripeConnector(HttpConnector):
    """One Stripe account."""

    type_name: ClassVar[str] = "stripe"
    family: ClassVar[Family] = "invoicing"
    api_version: ClassVar[str | None] = API_VERSION
    Settings: ClassVar[type[SourceSettings]] = StripeSettings
    settings: StripeSettings

    def streams(self) -> tuple[Stream, ...]:
        """Invoices and charges before the customers they belong to."""
        return tuple(Stream(r.name, r.kind, "id", "event created", r.deletes, partial(self._read, r)) for r in RESOURCES)

    def check(self) -> str:
        """The account the key belongs to; a restricted key may not see it, then we try that it may read customers."""
        try:
            account = self.http.get("/v1/account")
        except CredentialsError:
            self.http.get("/v1/customers", params={"limit": 1})
            return f"Stripe account {self.settings.account or 'of a restricted key'}"
        if not isinstance(account, dict) or not account.get("id"):
            raise ProtocolError("the answer to GET /v1/account names no account", source=self.name, remedy="check base_url")
        return f"Stripe account {account['id']}"

    def _read(self, resource: Resource, checkpoint: Checkpoint | None) -> Iterator[Page]:
        return _Reader(self.http, resource if self.settings.tax_ids else replace(resource, expand=None)).read(checkpoint)

    def open_session(self) -> HttpSession:
        """See `HttpConnector`."""
        settings, remedy = self.settings, self._remedy()
        key = settings.api_key.resolve().strip()
        if not key.isascii():
            raise CredentialsError("the API key holds characters that no key has", source=self.name, remedy=remedy)
        headers = {"authorization": f"Bearer {key}", "stripe-version": API_VERSION}
        if settings.account:
            headers["stripe-account"] = settings.account
        base_url = settings.base_url or "https://api.stripe.com"
        return HttpSession(base_url, source=self.name, retry=settings.retry, headers=headers, remedy=remedy)

    def _remedy(self) -> str:
        settings = self.settings
        customers = "customers with tax IDs (or set tax_ids: false)" if settings.tax_ids else "customers"
        account = f" of account {settings.account}" if settings.account else ""
        return (
            f"put a valid key into environment variable {settings.api_key.variable} (setting api_key); it must be allowed to read"
            f" events, invoices, charges and {customers}{account}"
        )


class _Reader:
    """One reading of one stream."""

    def __init__(self, session: HttpSession, resource: Resource) -> None:
        self._session, self._resource = session, resource
        self._now = datetime.now(UTC)

    def read(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """Everything if need be, then the changes since."""
        newest = self._newest()
        position = Position.load(checkpoint) if checkpoint else None
        if position and position.may_have_lost(newest, self._now):
            self._warn("Stripe may have dropped events since the last reading; everything is read again")
            position = None
        if position is None:
            # what happened before now is in what is about to be read
            position = Position(None, {}, self._now).handled(self._events(newest) if newest is not None else (), newest)
            position = yield from self._everything(position)
        elif position.after is not None:
            position = yield from self._everything(position)
        yield from self._changes(position, newest)

    def _everything(self, position: Position) -> Generator[Page, None, Position]:
        guard = PageGuard(self._session.source, self._resource.name)
        while True:
            page = self._page_after(position, {"expand[]": f"data.{self._resource.expand}"} if self._resource.expand else {})
            records, rejects = self._sort(page["data"], position.after)
            position = replace(position, after=None, after_created=None)
            if page["has_more"]:
                last = guard.advance(self._last_id(page["data"]))
                position = replace(position, after=last, after_created=page["data"][-1].get("created"))
            yield Page(records, position.dump(), rejects)
            if position.after is None:
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

    def _sort(self, items: list[Any], after: str | None) -> tuple[list[Record], list[Reject]]:
        records, rejects = [], []
        for number, item in enumerate(items, 1):
            if isinstance(item, dict) and item.get("id") and isinstance(item["id"], str):
                records.append(_record(item, _time(item.get("created"))))
            else:
                content = simplejson.dumps(item, use_decimal=True)
                rejects.append(Reject(content, "it has no field id", f"item {number} after {after or 'the beginning'}"))
        return records, rejects

    def _changes(self, position: Position, newest: int | None) -> Iterator[Page]:
        events = self._events(position.watermark)
        todo = list(batches(position.fresh(events)))
        end = max((second for second in (newest, *(e.created for e in events)) if second is not None), default=None)
        done = replace(position.handled(events, end), checked=self._now)
        if not todo and self._now - position.checked >= REFRESH:
            yield Page([], done.dump())
        for number, batch in enumerate(todo, 1):
            records = [self._again(object_id, second) for object_id, second in batch]
            yield Page(records, (done if number == len(todo) else position.handled(events, batch[-1][1])).dump())

    def _again(self, object_id: str, second: int) -> Record:
        path = f"/v1/{self._resource.name}/{quote(object_id, safe='')}"
        expand = {"expand[]": self._resource.expand} if self._resource.expand else None
        item = self._session.get(path, stream=self._resource.name, params=expand, missing_ok=True)
        if item is None:  # 404 is how a deleted draft answers; a deleted customer answers with a stub
            return Record(object_id, {}, _time(second), "delete")
        if not isinstance(item, dict) or item.get("id") != object_id:
            raise self._broken("sent something else than the object asked for", object_id)
        return _record(item, _time(second))

    def _newest(self) -> int | None:
        """Stripe's time of the newest event of any kind, None if there is none."""
        page = self._list("events", {"limit": 1})
        return self._event(page["data"][0]).created if page["data"] else None

    def _events(self, watermark: int | None) -> list[Event]:
        """The stream's events from `OVERLAP` seconds before the watermark on; without one, all there are."""
        guard, found = PageGuard(self._session.source, self._resource.name), []
        query: dict[str, Any] = {"types[]": list(self._resource.events)}
        if watermark is not None:
            query["created[gte]"] = watermark - OVERLAP
        while True:
            page = self._list("events", query)
            found += [self._event(item) for item in page["data"]]
            if not page["has_more"]:
                return found
            query["starting_after"] = guard.advance(self._last_id(page["data"]))

    def _event(self, item: Any) -> Event:
        try:
            about = item["data"]["object"]
            object_id = about.get("id") if about.get("object") == self._resource.object else about.get(self._resource.object)
            return Event(str(item["id"]), int(item["created"]), object_id if isinstance(object_id, str) else None)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._broken("sent an event without id, created or data.object") from None

    def _list(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        page = self._session.get(f"/v1/{path}", stream=self._resource.name, params={"limit": PAGE, **query})
        if not isinstance(page, dict) or not isinstance(page.get("data"), list) or not isinstance(page.get("has_more"), bool):
            raise self._broken(f"sent a page of {path} without data or has_more")
        return page

    def _last_id(self, items: list[Any]) -> str:
        last = items[-1].get("id") if items and isinstance(items[-1], dict) else None
        if not isinstance(last, str):
            raise self._broken("says that there is more, but sent nothing to go on after")
        return last

    def _broken(self, what: str, record: str | None = None) -> ProtocolError:
        remedy = "run the sync again, and check base_url if it stays"
        return ProtocolError(
            f"Stripe {what}", source=self._session.source, stream=self._resource.name, record=record, remedy=remedy
        )

    def _warn(self, what: str) -> None:
        log.warning("%s/%s: %s", self._session.source, self._resource.name, what)


def _record(item: dict[str, Any], updated_at: datetime | None) -> Record:
    return Record(item["id"], item, updated_at, "delete" if item.get("deleted") is True else "upsert")


def _time(seconds: Any) -> datetime | None:
    """Unix seconds as a time, None if they are none."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
