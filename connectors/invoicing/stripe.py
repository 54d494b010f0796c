"""Stripe: customers, invoices, charges, refunds and credit notes over its REST API.

Here belong its settings and its streams. How one is read is in ``stripe_reader.py``, what its fields mean in ``stripe.sql``.

Stripe's lists cannot be filtered by change, so that a stream is read in two ways:

- *Everything*: the list, newest first, page by page. Before it begins, the newest event is noted as the watermark.
- *Changes*: the events since the watermark say which objects changed, and each of those is read again by its ID: an event carries
  the object as it was, in the API version of that day.

Where Stripe may have dropped events that were never read, everything is read again, and a customer or draft that a whole list lacks
is gone. A charge is read along with the invoice payments that say which invoice it pays, see ``stripe_links.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import ClassVar

from pydantic import Field

from connectors.contract import Checkpoint, Family, Page, Secret, SourceSettings, Stream
from connectors.http import HttpConnector, HttpSession
from connectors.invoicing.stripe_events import RESOURCES, Resource
from connectors.invoicing.stripe_reader import StripeReader
from connectors.invoicing.stripe_writer import TAKES, StripeWriter
from connectors.writeback import Takes, ValueKind
from hub.contract.errors import CredentialsError, ProtocolError

API_VERSION = "2026-10-28.endive"
PAGE = 100  # Stripe's maximum


class StripeSettings(SourceSettings):
    """What stands under a source of type stripe in hub.yaml."""

    api_key: Secret = Field(
        description="secret or restricted key; it must be allowed to read customers, invoices, charges, events, and what is not"
        " switched off below"
    )
    account: str | None = Field(None, description="a connected account to read, as acct_...")
    tax_ids: bool = Field(True, description="read customers' tax IDs too; switch it off if the key may not")
    invoice_payments: bool = Field(True, description="read which invoice a charge pays too; switch it off if the key may not")
    refunds: bool = Field(True, description="read refunds; switch it off if the key may not")
    credit_notes: bool = Field(True, description="read credit notes; switch it off if the key may not")

    takes: ClassVar[Takes | None] = TAKES


class StripeConnector(HttpConnector):
    """One Stripe account."""

    type_name: ClassVar[str] = "stripe"
    family: ClassVar[Family] = "invoicing"
    api_version: ClassVar[str | None] = API_VERSION
    Settings: ClassVar[type[SourceSettings]] = StripeSettings
    most_streams: ClassVar[int] = 32  # each reading has a reader of its own, and they share but the session
    settings: StripeSettings

    def streams(self) -> tuple[Stream, ...]:
        """Facts before the customers they belong to; without those that are switched off."""
        return tuple(
            Stream(r.name, r.kind, "id", "event created", r.deletes, partial(self._read, r), partial(self._window, r))
            for r in RESOURCES
            if r.setting is None or getattr(self.settings, r.setting)
        )

    def writer(self, stream: str, kinds: Mapping[str, ValueKind]) -> StripeWriter | None:
        """Customers' metadata."""
        if stream != "customers":
            return None
        variable = self.settings.api_key.variable
        remedy = f"let the key in environment variable {variable} write customers, or take write_back out of hub.yaml"
        return StripeWriter(self.http, kinds, remedy=remedy)

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
        return self._reader(resource).read(checkpoint)

    def _window(self, resource: Resource, since: datetime, until: datetime) -> Iterator[Page]:
        return self._reader(resource).window(since, until)

    def _reader(self, resource: Resource) -> StripeReader:
        if not self.settings.tax_ids:
            resource = replace(resource, expand=None)
        if not self.settings.invoice_payments:
            resource = replace(resource, along=None)
        return StripeReader(self.http, resource, page_size=PAGE, remedies=self._remedies())

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

    def _remedies(self) -> dict[str, str]:
        variable = self.settings.api_key.variable
        names = {"refunds": "refunds", "credit_notes": "credit notes", "invoice_payments": "invoice payments"}
        return {
            setting: f"let the key in environment variable {variable} read {name}, or set {setting}: false"
            for setting, name in names.items()
        }

    def _remedy(self) -> str:
        settings = self.settings
        customers = "customers with tax IDs (or set tax_ids: false)" if settings.tax_ids else "customers"
        account = f" of account {settings.account}" if settings.account else ""
        return (
            f"put a valid key into environment variable {settings.api_key.variable} (setting api_key); it must be allowed to read"
            f" events, invoices, charges and {customers}{account}"
        )
