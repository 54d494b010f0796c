"""Xero: invoices, credit notes, payments and contacts of one organisation over its Accounting API.

Here belongs what is read and when. How a list is walked without losing records is in ``xero_pages.py``, how Xero is asked in
``xero_api.py``, what its fields mean in ``xero.sql``.

Two things a change of which Xero does not tell by time:

- Whether a contact is a customer (IsCustomer) follows from its documents and does not touch its UpdatedDateUTC
  (developer.xero.com, Requests and Responses). So the contacts of sales documents that changed are read again by their IDs.
- Dates of documents are days in the organisation's own time zone. Which zone that is stands in no document; the reading adds it to
  each as ``OrganisationTimezone``, unless the source's ``timezone`` is set in hub.yaml.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from connectors.contract import Checkpoint, Deletes, Family, Page, SourceSettings, Stream
from connectors.http import HttpConnector
from connectors.invoicing.xero_api import ACCOUNTING, XeroSession, XeroSettings, time_of, zone_of
from connectors.invoicing.xero_pages import SECOND, Place, text_of
from connectors.invoicing.xero_reading import CONTACTS, CREDIT_NOTES, INVOICES, PAYMENTS, Listed, Reading
from connectors.invoicing.xero_writer import XeroWriter
from connectors.oauth import AccessToken, Bearer, ClientCredentialsGrant, RefreshTokenGrant, TokenEndpoint
from connectors.oauth_store import TokenStore
from connectors.once import once
from connectors.writeback import ValueKind
from hub.contract.errors import CredentialsError, ProtocolError

log = logging.getLogger(__name__)

LISTS = (INVOICES, CREDIT_NOTES, PAYMENTS, CONTACTS)
IDS = 40  # contacts asked for by ID at once, so that the URL stays under 2,000 characters


class XeroConnector(HttpConnector):
    """One organisation in Xero."""

    type_name: ClassVar[str] = "xero"
    family: ClassVar[Family] = "invoicing"
    api_version: ClassVar[str | None] = "2.0"
    Settings: ClassVar[type[SourceSettings]] = XeroSettings
    most_streams: ClassVar[int] = 5  # calls to one organisation at the same time (developer.xero.com, OAuth 2.0 API limits)
    settings: XeroSettings

    def __init__(self, name: str, settings: XeroSettings, private: Path | None = None) -> None:
        super().__init__(name, settings, private)
        base = settings.base_url
        default = f"{base.rstrip('/')}/connect/token" if base else "https://identity.xero.com/connect/token"
        self._tokens = TokenEndpoint(
            settings.token_url or default,
            source=name,
            vendor="Xero",
            retry=settings.retry,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            remedy=self._remedy,
        )

    def streams(self) -> tuple[Stream, ...]:
        """Documents and payments before the contacts they belong to."""
        return tuple(
            Stream(
                one.name, one.kind, one.key, "UpdatedDateUTC", Deletes.FEED, partial(self._read, one), partial(self._window, one)
            )
            for one in LISTS
        )

    def writer(self, stream: str, kinds: Mapping[str, ValueKind]) -> XeroWriter | None:
        """Numbers of contacts."""
        if stream != "contacts":
            return None
        remedy = "authorise the app again with the scope accounting.contacts, or take write_back out of hub.yaml"
        session = self.http
        assert isinstance(session, XeroSession)
        return XeroWriter(session, kinds, remedy=remedy)

    def check(self) -> str:
        """The organisation's name, currency and time zone."""
        found = self._organisation()
        parts = [found.get(name) for name in ("Name", "BaseCurrency", "Timezone")]
        return "Xero organisation " + ", ".join(str(part) for part in parts if part)

    def calls(self) -> tuple[int, int]:
        """Requests that this thread has made, those for tokens among them, and how many of them were repeats."""
        (requests, retries), (more, again) = super().calls(), self._tokens.calls()
        return requests + more, retries + again

    def close(self) -> None:
        """Let go of connections."""
        super().close()
        self._tokens.close()

    # authorisation -----------------------------------------------------------------------------------------------

    @once
    def _grant(self) -> AccessToken:
        if self.settings.refresh_token is None:
            return ClientCredentialsGrant(self._tokens)
        store = TokenStore(self.private, self.name) if self.private is not None else None
        return RefreshTokenGrant(self._tokens, self.settings.refresh_token, store, rotates=True)

    def open_session(self) -> XeroSession:
        """See `HttpConnector`."""
        return XeroSession(self.settings, source=self.name, auth=Bearer(self._grant), remedy=self._remedy(""))

    def _remedy(self, code: str) -> str:
        secret, token = self.settings.client_secret, self.settings.refresh_token
        of_app = f" and client_secret (environment variable {secret.variable})" if secret else ""
        if token is None or "client" in code:
            return f"correct client_id{of_app}, and check the app at developer.xero.com"
        return (
            f"authorise the app again, with offline_access and the scopes for contacts, transactions and settings, and put the new"
            f" token into environment variable {token.variable} (setting refresh_token)"
        )

    # the organisation --------------------------------------------------------------------------------------------

    def _organisation(self) -> dict[str, Any]:
        body = self.http.get(f"{ACCOUNTING}/Organisation")
        found = body.get("Organisations") if isinstance(body, dict) else None
        if not (isinstance(found, list) and found and isinstance(found[0], dict)):
            raise ProtocolError("the answer to GET Organisation names none", source=self.name, remedy="check base_url")
        return found[0]

    @once
    def _zone(self) -> str | None:
        """The time zone of documents' dates; None where the setting is to be used."""
        if "timezone" in self.settings.model_fields_set:
            return None
        try:
            named = self._organisation().get("Timezone")
        except CredentialsError:
            named = None
        zone = zone_of(named)
        if zone is None:
            log.warning(
                "%s: the organisation's time zone cannot be known (%s); dates are taken to be in %s: set timezone, or allow"
                " accounting.settings.read",
                *(self.name, "Xero does not tell" if named is None else "unknown name", self.settings.timezone),
            )
        return zone

    # reading -----------------------------------------------------------------------------------------------------

    def _reading(self, listed: Listed, stream: Listed, began: datetime | None = None) -> Reading:
        session = self.http
        assert isinstance(session, XeroSession)
        return Reading(session, listed, stream.name, lambda: self._zone, began)

    def _read(self, listed: Listed, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """What changed since the checkpoint; everything without one.

        At rest the checkpoint is the newest change seen (``since``), for contacts also up to when sales documents were looked at
        (``billed``). In the middle of a reading it also holds the next question (``at``, ``page``) and when the reading began by
        Xero's clock (``began``), which neither passes.
        """
        given = dict(checkpoint or {})
        since, at, began, billed = (time_of(given.get(name)) for name in ("since", "at", "began", "billed"))
        back = self._behind(since) if since else None
        if listed is CONTACTS and began is None and since is not None:
            billed = yield from self._billed(billed or since, given)
        reading = self._reading(listed, listed, began)
        newest = at or since
        for items, following in reading.pages(Place(at or back, given.get("page", 1))):
            records, rejects = reading.sort(items)
            newest = _latest(newest, *(record.updated_at for record in records))
            times = {"since": since, "billed": (billed or reading.began) if listed is CONTACTS else None}
            if following is None:
                times["since"] = _latest(since, min(newest, reading.began) if newest and reading.began else newest)
            else:
                times |= {"at": following.since, "began": reading.began}
            after: dict[str, Any] = {name: text_of(time) for name, time in times.items() if time or name == "since"}
            if following is not None:
                after["page"] = following.page
            if records or rejects or after != given:
                yield Page(records, after, rejects)

    def _behind(self, time: datetime) -> datetime:
        return time - timedelta(seconds=max(1, self.settings.lookback_seconds))

    def _window(self, listed: Listed, since: datetime, until: datetime) -> Iterator[Page]:
        """What last changed from a time up to another."""
        reading = self._reading(listed, listed)
        for items, following in reading.pages(Place(since - SECOND)):
            records, rejects = reading.sort([i for i in items if (at := reading.changed(i)) is None or since <= at < until])
            if records or rejects:
                yield Page(records, {}, rejects)
            if following is not None and following.page == 1 and following.since is not None and following.since >= until:
                return

    def _billed(self, since: datetime, checkpoint: Checkpoint) -> Generator[Page, None, datetime]:
        """The contacts of sales documents that changed: such a document may have made one a customer.

        Returns up to when documents have been looked at, by Xero's clock; the time given if there was nothing new.
        """
        keys: dict[str, None] = {}
        upto: list[datetime] = []
        for listed in (INVOICES, CREDIT_NOTES):
            reading, newest = self._reading(listed, CONTACTS), since
            try:
                for items, _ in reading.pages(Place(self._behind(since))):
                    keys.update(dict.fromkeys(_billed_in(items)))
                    newest = _latest(newest, *map(reading.changed, items)) or since
            except CredentialsError:
                upto.append(since)
                log.warning("%s/contacts: %s may not be read; new customers among the contacts are missed", self.name, listed.path)
            else:
                upto += [reading.began] if reading.began and newest >= since + SECOND else []  # checkpoints hold seconds
        batch = min(IDS, self.settings.page_size)
        for start in range(0, len(keys), batch):
            reading = self._reading(CONTACTS, CONTACTS)
            for items, _ in reading.pages(Place(None), IDs=",".join(list(keys)[start : start + batch])):
                records, rejects = reading.sort(items)
                if records or rejects:
                    yield Page(records, checkpoint, rejects)
        return max(since, min(upto, default=since))


def _latest(*times: datetime | None) -> datetime | None:
    return max((time for time in times if time is not None), default=None)


def _billed_in(items: list[Any]) -> Iterator[str]:
    for item in items:
        contact = item.get("Contact") if isinstance(item, dict) and item.get("Type") != "ACCPAYCREDIT" else None
        key = contact.get("ContactID") if isinstance(contact, dict) else None
        if isinstance(key, str):
            yield key
