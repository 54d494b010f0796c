"""Xero's own Python client against the sandbox: what it takes for an answer of Xero's is one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from xero_python.accounting import AccountingApi, Contact, Contacts, Invoice, Invoices, LineItem
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions.http_status_exceptions import (
    BadRequestException,
    HTTPStatusException,
    NotFoundException,
    RateLimitException,
)
from xero_python.identity import IdentityApi

from connectors.sandbox import SandboxHandle
from connectors.sandbox.xero.tokens import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TENANT_ID


class Client:
    """The client, signed in; it renews its token by itself."""

    def __init__(self, handle: SandboxHandle, monkeypatch: pytest.MonkeyPatch, refresh_token: str = REFRESH_TOKEN) -> None:
        monkeypatch.setattr(TokenApi, "refresh_token_url", f"{handle.url('xero')}/connect/token")
        monkeypatch.setattr(TokenApi, "client_credentials_token_url", f"{handle.url('xero')}/connect/token")
        self.tokens: list[dict[str, Any]] = [
            {
                "access_token": "none yet",
                "refresh_token": refresh_token,
                "expires_in": 0,
                "expires_at": 1.0,
                "token_type": "Bearer",
                "scope": ["offline_access"],
            }
        ]
        configuration = Configuration(oauth2_token=OAuth2Token(client_id=CLIENT_ID, client_secret=CLIENT_SECRET))
        self.api_client = ApiClient(
            configuration, oauth2_token_saver=self.tokens.append, oauth2_token_getter=lambda: self.tokens[-1]
        )
        self.accounting = AccountingApi(self.api_client, f"{handle.url('xero')}/api.xro/2.0")
        self.identity = IdentityApi(self.api_client, handle.url("xero"))

    def pages(self, get: Callable[..., Any], name: str, **how: Any) -> list[Any]:
        """Every record of a list, page by page."""
        found, page = [], 1
        while True:
            body = get(TENANT_ID, page=page, page_size=25, order="UpdatedDateUTC ASC", **how)
            found += getattr(body, name)
            if page >= body.pagination.page_count:
                assert body.pagination.item_count == len(found)
                return found
            page += 1


@pytest.fixture
def client(shared: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> Client:
    return Client(shared, monkeypatch)


def test_it_renews_its_token_and_keeps_the_rotated_one(client: Client) -> None:
    assert client.identity.get_connections()[0].tenant_id == TENANT_ID
    assert len(client.tokens) == 2
    assert client.tokens[-1]["refresh_token"] != REFRESH_TOKEN
    client.tokens[-1]["expires_at"] = 1.0
    client.identity.get_connections()
    assert len({token["refresh_token"] for token in client.tokens}) == 3


def test_it_pages_through_everything(client: Client, shared: SandboxHandle) -> None:
    counts, api = shared.state()["counts"]["xero"], client.accounting
    contacts = client.pages(api.get_contacts, "contacts", include_archived=True)
    live = [c for c in contacts if c.contact_status != "GDPRREQUEST" and c.merged_to_contact_id is None]
    assert len({c.contact_id for c in contacts}) == len(contacts)
    assert len(live) == counts["contacts"]
    assert all(isinstance(c.updated_date_utc, datetime) for c in contacts)
    assert [c.updated_date_utc for c in contacts] == sorted(c.updated_date_utc for c in contacts)
    invoices = client.pages(api.get_invoices, "invoices", where='Type=="ACCREC"')
    assert sum(i.status != "DELETED" for i in invoices) == counts["invoices"]
    assert all(isinstance(i.date, date) and i.contact.contact_id for i in invoices)
    payments = client.pages(api.get_payments, "payments")
    assert sum(p.status != "DELETED" for p in payments) == counts["payments"]
    assert len(client.pages(api.get_credit_notes, "credit_notes")) == counts["credit_notes"]


def test_it_reads_what_changed_since_a_moment(client: Client) -> None:
    everything = client.pages(client.accounting.get_invoices, "invoices")
    since = everything[-3].updated_date_utc.replace(microsecond=0)
    # the client writes the header as str() does, with a blank and without a T
    assert client.pages(client.accounting.get_invoices, "invoices", if_modified_since=since) == everything[-3:]
    assert client.pages(client.accounting.get_invoices, "invoices", if_modified_since=datetime.now(UTC) + timedelta(days=9)) == []


def test_it_knows_the_organisation(client: Client) -> None:
    (organisation,) = client.accounting.get_organisations(TENANT_ID).organisations
    assert (organisation.name, organisation.base_currency.value, organisation.timezone.value) == (
        *("Sandbox Goods Ltd", "GBP"),
        "GMTSTANDARDTIME",
    )


def test_it_writes_contacts_and_invoices(fresh: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Client(fresh, monkeypatch).accounting
    zoe = Contact(name="Zoë Ångström", email_address="zoe@quickmail.example")
    made = api.create_contacts(TENANT_ID, Contacts(contacts=[zoe])).contacts[0]
    held = api.get_contact(TENANT_ID, made.contact_id).contacts[0]
    assert (held.name, held.is_customer, held.contact_status) == ("Zoë Ångström", False, "ACTIVE")
    line = LineItem(description="Work", quantity=2.0, unit_amount=12.25, account_code="200")
    bill = Invoice(type="ACCREC", contact=Contact(contact_id=made.contact_id), line_items=[line], date=date(2026, 9, 1))
    invoice = api.create_invoices(TENANT_ID, Invoices(invoices=[bill])).invoices[0]
    assert (float(invoice.total), invoice.date, invoice.status) == (24.5, date(2026, 9, 1), "DRAFT")
    changed = api.update_contact(TENANT_ID, made.contact_id, Contacts(contacts=[Contact(contact_number="c_1")])).contacts[0]
    assert (changed.contact_number, changed.is_customer) == ("c_1", True)


def test_refusals_are_the_errors_the_client_knows(fresh: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(fresh, monkeypatch)
    with pytest.raises(BadRequestException):
        client.accounting.get_contacts(TENANT_ID, where="Colour==1", page=1)
    with pytest.raises(NotFoundException):
        client.accounting.get_contact(TENANT_ID, "00000000-0000-0000-0000-000000000000")
    with pytest.raises(HTTPStatusException) as forbidden:
        client.accounting.get_contacts("another", page=1)
    assert forbidden.value.status == 403
    fresh.fault("xero", status=429)  # with a Retry-After the client's HTTP library would wait and ask again by itself
    with pytest.raises(RateLimitException) as limited:
        client.accounting.get_contacts(TENANT_ID, page=1)
    assert limited.value.rate_limit == "minute"
    with pytest.raises(Exception, match="invalid_grant"):
        Client(fresh, monkeypatch, refresh_token="made up").identity.get_connections()
