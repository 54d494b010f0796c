"""The Stripe connector against localstripe, a server that behaves as Stripe does in the main and deviates in some ways.

What it cannot do is not asked of it:

- its list of events knows no ``types[]`` and begins with the oldest, as all its lists do: `bridge` mends that one list;
- customers cannot be filtered by ``created`` (400), so that there is no window to be read;
- a customer who was deleted answers 404, where Stripe tells that it is deleted; the connector takes both for a deletion;
- it knows no API versions, accounts or rate limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.contract import Connector, Deletes
from connectors.extract import stream_of
from connectors.registry import connector_class
from hub.contract.errors import CredentialsError
from tests.connectors.conformance.ledger import Ledger
from tests.loopback import Reply, Request, serve

KEY = "sk_test_localstripe"


class Account:
    """A Stripe account at localstripe."""

    def __init__(self, base_url: str) -> None:
        self.http = httpx.Client(base_url=base_url, auth=(KEY, ""), trust_env=False)

    def call(self, method: str, path: str, **data: Any) -> dict[str, Any]:
        answer = self.http.request(method, f"/v1/{path}", data=data or None)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def add(self, **fields: Any) -> str:
        return str(self.call("POST", "customers", **fields)["id"])

    def change(self, customer: str, **fields: Any) -> None:
        self.call("POST", f"customers/{customer}", **fields)

    def remove(self, customer: str) -> None:
        self.call("DELETE", f"customers/{customer}")

    def customers(self) -> dict[str, dict[str, Any]]:
        return {item["id"]: item for item in self.everything("customers")}

    def everything(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = self.http.get(f"/v1/{path}", params={"limit": 100, **after}).raise_for_status().json()
            found += page["data"]
            if not page["has_more"]:
                return found

    def bridge(self, request: Request) -> Reply:
        """Hand a request on; the list of events is answered as Stripe does: the newest first, of the types asked for."""
        if request.path != "/v1/events":
            headers = {name: value for name, value in request.headers.items() if name in ("authorization", "stripe-version")}
            query = [(name, value) for name, values in request.query.items() for value in values]
            # without the credentials of this client: those of the connector are what is tried
            answer = httpx.request(
                request.method, f"{self.http.base_url}".rstrip("/") + request.path, params=query, headers=headers, trust_env=False
            )
            return Reply(answer.content, answer.status_code)
        types, since = request.query.get("types[]"), int(request.query.get("created[gte]", ["0"])[0])
        events = [
            event
            for event in reversed(self.everything("events"))
            if (types is None or event["type"] in types) and event["created"] >= since
        ]
        after, limit = request.query.get("starting_after"), int(request.query["limit"][0])
        first = 1 + [event["id"] for event in events].index(after[0]) if after else 0
        page = {"object": "list", "data": events[first : first + limit], "has_more": len(events) > first + limit}
        return Reply(page)


@pytest.fixture
def account(localstripe: str) -> Account:
    made = Account(localstripe)
    made.http.delete("/_config/data")  # a fresh account
    return made


@pytest.fixture
def connector(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connector]:
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    monkeypatch.setattr("connectors.invoicing.stripe.PAGE", 3)
    with serve(account.bridge) as server:
        yield made(server.base_url)


def made(base_url: str) -> Connector:
    cls = connector_class("stripe")
    return cls("stripe", cls.Settings(type="stripe", base_url=base_url, api_key="${STRIPE_API_KEY}"))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "landing", "customers")


def kept(ledger: Ledger) -> dict[str, dict[str, Any]]:
    return {key: payload for key, payload in ledger.current.items() if payload is not None}


def test_a_first_reading_takes_every_customer_over_several_pages(account: Account, connector: Connector, ledger: Ledger) -> None:
    for number in range(8):
        account.add(name=f"Zoë {number}", email=f"zoe{number}@example.com", phone="+491701234567")
    done = ledger.sync(connector)
    assert done.rows == 8
    assert kept(ledger) == account.customers()
    assert ledger.sync(connector).rows == 0


def test_created_changed_and_deleted_customers_are_learnt_from_events(
    account: Account, connector: Connector, ledger: Ledger
) -> None:
    stays, changes, goes = (account.add(name=name) for name in ("Stays", "Changes", "Goes"))
    ledger.sync(connector)
    account.change(changes, **{"name": "Changed", "metadata[common_customer_id]": "c_1"})
    account.remove(goes)
    new = account.add(name="New")
    ledger.sync(connector)
    assert kept(ledger) == account.customers()
    assert kept(ledger).keys() == {stays, changes, new}
    assert kept(ledger)[changes]["metadata"] == {"common_customer_id": "c_1"}
    assert ledger.current[goes] is None
    assert {row["source_record_id"] for row in ledger.rows} >= {changes, goes, new}


def test_a_customer_changed_again_and_again_within_a_second_ends_as_it_is(
    account: Account, connector: Connector, ledger: Ledger
) -> None:
    customer = account.add(name="First")
    for number in range(5):
        ledger.sync(connector)
        account.change(customer, name=f"Name {number}")
    ledger.sync(connector)
    assert kept(ledger) == account.customers()


def test_a_whole_reading_finds_what_no_event_tells(account: Account, connector: Connector, ledger: Ledger) -> None:
    stays, goes = account.add(name="Stays"), account.add(name="Goes")
    ledger.sync(connector)
    account.remove(goes)
    ledger.sync(connector, full=True)
    assert stream_of(connector, "customers").deletes is Deletes.SNAPSHOT
    assert kept(ledger).keys() == {stays}


def test_a_key_it_does_not_know_stops_the_reading(
    account: Account, connector: Connector, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "nonsense")
    account.add(name="Zoë")
    with pytest.raises(CredentialsError, match="stripe/customers"):
        ledger.sync(connector)
