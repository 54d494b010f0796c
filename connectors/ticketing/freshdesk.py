"""Freshdesk: tickets and contacts over its REST API, version 2.

Here belong the settings and the connection. Beside it: the two streams (``freshdesk_tickets.py``, ``freshdesk_contacts.py``), how a
list is paged without loss (``freshdesk_paging.py``), what is joined to the records (``freshdesk_extras.py``), requests and their
pace (``freshdesk_desk.py``), what the fields mean (``freshdesk.sql``).

Each stream is three lists: what is there, and what is kept apart from it and left out of it by Freshdesk.

- Tickets: those in use, then those in the trash and those marked as spam. Both of the latter are deletes for us: spam is nobody's
  request. A ticket restored, or marked as no spam, is in the first list again with a newer time.
- Contacts: those in use, then the blocked, who are still there and still customers, then the deleted. A contact merged into another
  shows as deleted; into whom is not told. One that is erased for good ("forgotten"), or becomes an agent, is in no list any more
  and stays here as it was, until everything is read into a new hub.

Deleting and blocking move ``updated_at``, by which all lists are asked. Without a time Freshdesk leaves out tickets opened more
than 30 days ago, so one is always sent. Archived tickets are in no list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from connectors.contract import Deletes, Family, Secret, SourceSettings, Stream
from connectors.http import HttpConnector, HttpSession
from connectors.ticketing.freshdesk_contacts import ContactReader
from connectors.ticketing.freshdesk_desk import Desk
from connectors.ticketing.freshdesk_records import key_of
from connectors.ticketing.freshdesk_tickets import TicketReader
from connectors.ticketing.freshdesk_writer import TAKES, FreshdeskWriter
from connectors.writeback import Takes, ValueKind
from hub.contract.errors import CredentialsError, ProtocolError

API_VERSION = "v2"
_FOUNDED = datetime(2010, 1, 1, tzinfo=UTC)


class FreshdeskSettings(SourceSettings):
    """What stands under a source of type freshdesk in hub.yaml."""

    domain: str = Field(description="acme, for acme.freshdesk.com")
    api_key: Secret = Field(description="API key of an agent who may see all tickets and contacts")
    start_time: datetime = Field(_FOUNDED, description="leave out what has not changed since; default: nothing")
    per_page: int = Field(100, ge=20, le=100, description="records per page; Freshdesk gives at most 100")
    lookback_seconds: int = Field(120, ge=1, description="each sync reads this much again, for changes that show late")
    satisfaction: bool = Field(True, description="read how customers rated their tickets; switch it off where there are no surveys")
    lists_per_minute: int | None = Field(
        None,
        ge=1,
        description="requests a minute for one list; Freshdesk allows 20 on Growth, 100 on Pro, 200 on Enterprise",
    )
    headroom: float = Field(
        0.1, ge=0, lt=1, description="share of the account's calls that is left to others; below it requests are spaced out"
    )

    takes: ClassVar[Takes | None] = TAKES

    @field_validator("domain")
    @classmethod
    def _domain(cls, value: str) -> str:
        name = value.strip().lower().removeprefix("https://").rstrip("/").removesuffix(".freshdesk.com")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            raise ValueError("must be the part before .freshdesk.com, such as acme")
        return name

    @field_validator("start_time")
    @classmethod
    def _start_time(cls, value: datetime) -> datetime:
        return value if value.tzinfo else value.replace(tzinfo=UTC)


class FreshdeskConnector(HttpConnector):
    """One Freshdesk account."""

    type_name: ClassVar[str] = "freshdesk"
    family: ClassVar[Family] = "ticketing"
    api_version: ClassVar[str | None] = API_VERSION
    Settings: ClassVar[type[SourceSettings]] = FreshdeskSettings
    settings: FreshdeskSettings

    def __init__(self, name: str, settings: FreshdeskSettings, private: Path | None = None) -> None:
        super().__init__(name, settings, private)
        self._desk = Desk(name, lambda: self.http, settings.lists_per_minute, settings.headroom)

    def streams(self) -> tuple[Stream, ...]:
        """Tickets before the contacts who asked."""
        settings, look_back = self.settings, timedelta(seconds=self.settings.lookback_seconds)
        tickets = TicketReader(self._desk, self.name, settings.start_time, look_back, settings.per_page, settings.satisfaction)
        contacts = ContactReader(self._desk, self.name, settings.start_time, look_back, settings.per_page)
        return (
            Stream("tickets", "ticket", "id", "updated_at", Deletes.FEED, tickets.read, tickets.between),
            Stream("contacts", "party", "id", "updated_at", Deletes.FEED, contacts.read, contacts.between),
        )

    def writer(self, stream: str, kinds: Mapping[str, ValueKind]) -> FreshdeskWriter | None:
        """External ID and custom fields of contacts."""
        if stream != "contacts":
            return None
        variable = self.settings.api_key.variable
        remedy = f"let the agent whose key is in {variable} edit contacts, or take write_back out of hub.yaml"
        return FreshdeskWriter(self._desk, kinds, source=self.name, remedy=remedy)

    def check(self) -> str:
        """Which agent the key belongs to. One who may see some tickets only would make a hub of some tickets only."""
        agent = self.http.get("/api/v2/agents/me")
        if not isinstance(agent, dict) or key_of(agent) is None:
            raise ProtocolError("the answer to GET /api/v2/agents/me names no agent", source=self.name, remedy="check domain")
        if agent.get("ticket_scope", 1) != 1:
            raise CredentialsError("the agent may not see all tickets", source=self.name, remedy=self._remedy())
        return f"Freshdesk {self.settings.domain}, agent {agent['id']}"

    def open_session(self) -> HttpSession:
        """See `HttpConnector`."""
        settings = self.settings
        return HttpSession(
            settings.base_url or f"https://{settings.domain}.freshdesk.com",
            source=self.name,
            retry=settings.retry,
            auth=(settings.api_key.resolve().strip(), "X"),
            throttle=self._desk.inspect,
            remedy=self._remedy(),
        )

    def _remedy(self) -> str:
        return (
            f"put the API key of an agent with global ticket scope into environment variable {self.settings.api_key.variable}"
            " (setting api_key), and check domain"
        )
