"""What Freshdesk keeps beside tickets and contacts and the hub wants in them: satisfaction ratings, companies' names.

Both are parts of a record that the key may not be allowed to read, or the plan may not have. Then the records come without them,
and a warning in the log says so once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from connectors.ticketing.freshdesk_desk import Desk
from connectors.ticketing.freshdesk_records import key_of, moment_of, text_of
from hub.contract.errors import CredentialsError

log = logging.getLogger(__name__)

# ratings of tickets opened longer ago than this before the watermark are asked for ticket by ticket
RATED_WITHIN = timedelta(days=60)
_KEPT = ("id", "survey_id", "ratings", "created_at", "updated_at")
_SIZE = 100
_REMEMBERED = 500
_FEW = 20


class Ratings:
    """How customers rated their tickets.

    A rating is a record of its own and says which ticket it is about; a ticket does not say that it was rated. So the ratings are
    listed first, and each ticket read is given its newest one. Of a rating its codes are kept, not what the customer wrote.

    Args:
        since: from when on all ratings are to be known; None for all there are.
        looked: (time, IDs): up to where ratings were taken notice of, and those near that time that were.
        look_back: how far before that time ratings may still turn up.
    """

    def __init__(
        self, desk: Desk, source: str, since: datetime | None, looked: tuple[datetime | None, Iterable[str]], look_back: timedelta
    ) -> None:
        self._desk, self._source, self._since, self._look_back = desk, source, since, look_back
        self._upto, self._noticed = looked[0], set(looked[1])
        self._of: dict[str, dict[str, Any]] = {}
        self.refused = False
        self.awaited: set[str] = set()

    def load(self, start: datetime) -> None:
        """List the ratings; ``awaited`` are then the tickets with new ones. ``start`` stands in for the beginning of time.

        Where none was ever taken notice of, none is new: what was rated before then comes when everything is read again.
        """
        created = {"created_since": text_of(self._since or start)}
        pages = self._desk.everything("/api/v2/surveys/satisfaction_ratings", stream="tickets", size=_SIZE, params=created)
        first, newest = self._upto, self._upto or start
        seen: dict[str, datetime] = {}
        try:
            for rating in (item for page in pages for item in page if isinstance(item, dict)):
                key, ticket, at = key_of(rating), key_of({"id": rating.get("ticket_id")}), moment_of(rating.get("created_at"))
                if key is None or ticket is None or at is None:
                    continue
                self._take(ticket, rating)
                newest = max(newest, at)
                seen[key] = at
                if first is not None and at >= first - self._look_back and key not in self._noticed:
                    self.awaited.add(ticket)
        except CredentialsError as error:
            self._without(error)
            return
        near = sorted((at, key) for key, at in seen.items() if at >= newest - self._look_back)
        self._upto, self._noticed = newest, {key for _, key in near[-_REMEMBERED:]}

    def looked(self) -> dict[str, Any]:
        """For the checkpoint: up to where ratings were taken notice of."""
        return {"rated": text_of(self._upto) if self._upto else None, "ratings": sorted(self._noticed)}

    def rated(self, ticket: Mapping[str, Any]) -> Mapping[str, Any]:
        """The ticket with its rating, as it is if it has none."""
        key = key_of(ticket)
        if key is None:
            return ticket
        self.awaited.discard(key)
        opened = moment_of(ticket.get("created_at"))
        if key not in self._of and not self.refused and self._since and (opened is None or opened < self._since):
            self._ask_for(key)
        rating = self._of.get(key)
        return {**ticket, "satisfaction_rating": rating} if rating else ticket

    def _ask_for(self, ticket: str) -> None:
        path = f"/api/v2/tickets/{quote(ticket, safe='')}/satisfaction_ratings"
        try:
            found = self._desk.get(path, stream="tickets")
        except CredentialsError as error:
            self._without(error)
            return
        for rating in found if isinstance(found, list) else ():
            if isinstance(rating, dict):
                self._take(ticket, rating)

    def _take(self, ticket: str, rating: Mapping[str, Any]) -> None:
        before = self._of.get(ticket)
        if before is None or _order(rating) >= _order(before):
            self._of[ticket] = {name: rating[name] for name in _KEPT if name in rating}

    def _without(self, error: CredentialsError) -> None:
        self.refused = True
        self.awaited.clear()
        log.warning("%s/tickets: satisfaction is not learnt: %s (or set satisfaction: false)", self._source, error.what)


class Companies:
    """The names of the companies that contacts belong to. A contact says only the company's ID.

    The first few are asked for one by one; where there are more, all are listed. A company that is renamed is seen with its
    contacts' next change, or when everything is read again.
    """

    def __init__(self, desk: Desk, source: str) -> None:
        self._desk, self._source = desk, source
        self._names: dict[str, Any] = {}
        self._listed = self._refused = False

    def named(self, contacts: list[Any]) -> list[Any]:
        """The contacts, each with its company's ID and name where it has one."""
        ids = {key: contact["company_id"] for contact in contacts if (key := _company(contact))}
        missing = [key for key in ids if key not in self._names]
        if missing and not self._refused and not self._listed:
            try:
                self._learn(missing)
            except CredentialsError as error:
                self._refused = True
                log.warning("%s/contacts: companies' names are not learnt: %s", self._source, error.what)
        return [
            {**contact, "company": {"id": contact["company_id"], "name": self._names[key]}}
            if (key := _company(contact)) and self._names.get(key) is not None
            else contact
            for contact in contacts
        ]

    def _learn(self, missing: list[str]) -> None:
        if len(self._names) + len(missing) > _FEW:
            for page in self._desk.everything("/api/v2/companies", stream="contacts", size=_SIZE, params={}):
                self._names.update({key: item.get("name") for item in page if (key := key_of(item))})
            self._listed = True
            return
        for key in missing:
            found = self._desk.get(f"/api/v2/companies/{quote(key, safe='')}", stream="contacts")
            self._names[key] = found.get("name") if isinstance(found, dict) else None


def _company(contact: Any) -> str | None:
    return key_of({"id": contact.get("company_id")}) if isinstance(contact, dict) else None


def _order(rating: Mapping[str, Any]) -> tuple[str, str]:
    """The later of two ratings of a ticket counts."""
    return str(rating.get("created_at")), str(rating.get("id")).rjust(24)
