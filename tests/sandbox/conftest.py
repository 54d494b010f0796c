"""Sandboxes for the tests, and where the vendors' official descriptions lie."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest

from connectors.sandbox import Sandbox, SandboxHandle, credentials, running
from connectors.sandbox.world import Account, World

# worlds made for a fixed day, so that a test sees the same one whenever it runs
TODAY = date(2026, 9, 20)


FIRST_FOUR = ("stripe", "zendesk", "shopify", "google_ads")


def first_accounts(sandbox_world: World) -> list[Account]:
    """The accounts in the first four systems; what the later ones hold, their own tests look at."""
    return [account for account in sandbox_world.accounts.values() if account.system in FIRST_FOUR]


@pytest.fixture(scope="session")
def default_world() -> Sandbox:
    """The default population, for reading only."""
    return Sandbox(today=TODAY)


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxHandle]:
    """A small sandbox for a module's tests that read, or write what others do not look at."""
    with running(sandbox=Sandbox(7, 150, today=TODAY)) as handle:
        yield handle


@pytest.fixture
def fresh() -> Iterator[SandboxHandle]:
    """A small sandbox of one's own."""
    with running(sandbox=Sandbox(7, 60, today=TODAY)) as handle:
        yield handle


class Vendor:
    """A vendor's API as a plain HTTP client with the right credentials sees it."""

    def __init__(self, handle: SandboxHandle, name: str, **how: Any) -> None:
        self._http = httpx.Client(base_url=handle.url(name), trust_env=False, timeout=30, **how)

    def __call__(self, method: str, path: str, **how: Any) -> httpx.Response:
        return self._http.request(method, path, **how)

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self._http.get(path, params=params)


def stripe_vendor(handle: SandboxHandle) -> Vendor:
    return Vendor(handle, "stripe", headers={"authorization": f"Bearer {credentials.STRIPE_API_KEY}"})


def zendesk_vendor(handle: SandboxHandle) -> Vendor:
    return Vendor(handle, "zendesk", auth=(f"{credentials.ZENDESK_EMAIL}/token", credentials.ZENDESK_TOKEN))


def google_vendor(handle: SandboxHandle) -> Vendor:
    form = {
        "grant_type": "refresh_token",
        "client_id": credentials.GOOGLE_ADS_CLIENT_ID,
        "client_secret": credentials.GOOGLE_ADS_CLIENT_SECRET,
        "refresh_token": credentials.GOOGLE_ADS_REFRESH_TOKEN,
    }
    token = Vendor(handle, "google_ads")("POST", "/token", data=form).json()["access_token"]
    headers = {"authorization": f"Bearer {token}", "developer-token": credentials.GOOGLE_ADS_DEVELOPER_TOKEN}
    return Vendor(handle, "google_ads", headers=headers)


def truth_rows(handle: SandboxHandle) -> list[dict[str, str]]:
    """The truth, row by row."""
    return list(csv.DictReader(handle.truth().splitlines()))


def stripe_all(vendor: Vendor, kind: str) -> list[dict[str, Any]]:
    """Every object of a kind, by pages of 100."""
    found: list[dict[str, Any]] = []
    more = True
    while more:
        after = {"starting_after": found[-1]["id"]} if found else {}
        page = vendor.get(f"/v1/{kind}", limit=100, **after).raise_for_status().json()
        found += page["data"]
        more = page["has_more"]
    return found


def zendesk_export(vendor: Vendor, kind: str, per_page: int = 1000, start_time: int = 0) -> list[dict[str, Any]]:
    """Every record that an export gives."""
    found: list[dict[str, Any]] = []
    params: dict[str, Any] = {"start_time": start_time, "per_page": per_page}
    while True:
        page = vendor.get(f"/api/v2/incremental/{kind}/cursor.json", **params).raise_for_status().json()
        found += page[kind]
        if page["end_of_stream"]:
            return found
        params = {"cursor": page["after_cursor"], "per_page": per_page}


def shopify_all(handle: SandboxHandle, kind: str, fields: str, size: int = 250) -> list[dict[str, Any]]:
    """Every node of a connection at the root."""
    query = (
        f"query($a: String) {{ {kind}(first: {size}, after: $a) {{ nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = handle.graphql(query, {"a": after})[kind]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def google_rows(vendor: Vendor, query: str) -> list[dict[str, Any]]:
    """All rows of a query."""
    path = f"/v26/customers/{credentials.GOOGLE_ADS_CUSTOMER_ID}/googleAds:searchStream"
    answer = vendor("POST", path, json={"query": query}).raise_for_status()
    return [row for batch in answer.json() for row in batch.get("results", [])]
