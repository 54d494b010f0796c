"""One reading of one of Xero's lists: its pages checked, its items made into records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import simplejson

from connectors.contract import Record, Reject
from connectors.invoicing.xero_api import XeroSession, time_of
from connectors.invoicing.xero_pages import Place, Slice, UnsteadyError, text_of, walk
from connectors.page_guard import PageGuard
from hub.contract.errors import ProtocolError
from hub.contract.tables import Kind

ZONE = "OrganisationTimezone"


@dataclass(frozen=True)
class Listed:
    """One list: the stream, its name in path and body, the ID field, what else to ask with it."""

    name: str
    kind: Kind
    path: str
    key: str
    params: tuple[tuple[str, str], ...] = ()


# Type may be filtered by however long the list is. Other filters Xero refuses above some number of records, so that bills' credit
# notes and payments are read too; the mapping leaves them out.
INVOICES = Listed("invoices", "invoice", "Invoices", "InvoiceID", (("where", 'Type=="ACCREC"'),))
CREDIT_NOTES = Listed("credit_notes", "refund", "CreditNotes", "CreditNoteID")
PAYMENTS = Listed("payments", "payment", "Payments", "PaymentID")
CONTACTS = Listed("contacts", "party", "Contacts", "ContactID", (("includeArchived", "true"),))


class Reading:
    """One reading.

    Args:
        session: an open session.
        listed: the list.
        stream: for errors.
        zone: the time zone of documents' dates, asked only for documents.
        began: when it began by Xero's clock, if it goes on with one that broke off; else set by the first answer.
    """

    def __init__(
        self, session: XeroSession, listed: Listed, stream: str, zone: Callable[[], str | None], began: datetime | None = None
    ) -> None:
        self._session, self._listed, self._stream, self._zone, self.began = session, listed, stream, zone, began
        self._guard = PageGuard(session.source, stream)
        self._asked = Place(None)

    def pages(self, start: Place, **params: str) -> Iterator[tuple[list[Any], Place | None]]:
        """See `walk`."""
        try:
            yield from walk(partial(self._fetch, params), start, self._key, self.changed)
        except UnsteadyError:
            raise self._broken("keeps moving records of one time between pages") from None

    def _fetch(self, params: dict[str, str], place: Place) -> Slice:
        listed = self._listed
        body = self._session.page(listed.path, place, {**dict(listed.params), **params}, self._stream)
        items = body.get(listed.path) if isinstance(body, dict) else None
        pages = body.get("pagination") if isinstance(body, dict) else None
        count = pages.get("pageCount") if isinstance(pages, dict) else None
        if not isinstance(items, list) or not isinstance(pages, dict) or not isinstance(count, int):
            raise self._broken(f"sent a page without {listed.path} or pagination.pageCount")
        if pages.get("page") not in (None, place.page):
            raise self._broken(f"sent another page of {listed.path} than page {place.page}")
        if isinstance(body.get("Id"), str):
            self._guard.advance(body["Id"])  # each answer has an ID of its own
        if self.began is None:
            self.began = time_of(body.get("DateTimeUTC")) or datetime.now(UTC)
        self._asked = place
        return Slice(items, count > place.page)

    def _key(self, item: Any) -> str:
        found = item.get(self._listed.key) if isinstance(item, dict) else None
        return found if isinstance(found, str) else simplejson.dumps(item, use_decimal=True, sort_keys=True)

    @staticmethod
    def changed(item: Any) -> datetime | None:
        """When an item last changed, None if it does not say."""
        return time_of(item.get("UpdatedDateUTC")) if isinstance(item, dict) else None

    def sort(self, items: list[Any]) -> tuple[list[Record], list[Reject]]:
        """The records among items, and what is none."""
        records, rejects = [], []
        for number, item in enumerate(items, 1):
            key = item.get(self._listed.key) if isinstance(item, dict) else None
            if isinstance(key, str) and key:
                records.append(self._record(key, item))
            else:
                place = f"changes since {text_of(self._asked.since) or 'the beginning'}, page {self._asked.page}, item {number}"
                content = simplejson.dumps(item, use_decimal=True)
                rejects.append(Reject(content, f"it has no field {self._listed.key}", place))
        return records, rejects

    def _record(self, key: str, item: dict[str, Any]) -> Record:
        changed = self.changed(item)
        if self._listed is CONTACTS:
            into = item.get("MergedToContactID")
            if item.get("ContactStatus") == "GDPRREQUEST":
                # somebody asked to be forgotten
                return Record(key, {name: item[name] for name in ("ContactID", "ContactStatus")}, changed, "delete")
            if isinstance(into, str) and into not in ("", key):
                return Record(key, item, changed, "merge", into)
            return Record(key, item, changed)
        zone = self._zone()
        payload = {**item, ZONE: zone} if zone else item
        return Record(key, payload, changed, "delete" if item.get("Status") == "DELETED" else "upsert")

    def _broken(self, what: str) -> ProtocolError:
        remedy = "run the sync again, and check base_url if it stays"
        return ProtocolError(f"Xero {what}", source=self._session.source, stream=self._stream, remedy=remedy)
