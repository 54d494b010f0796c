"""Faults on demand, in each vendor's own words."""

from __future__ import annotations

import httpx
import pytest

from connectors.sandbox import SandboxHandle, credentials
from connectors.sandbox.faults import Fault
from tests.sandbox.conftest import Vendor, google_vendor, stripe_vendor, zendesk_vendor


def get(handle: SandboxHandle, vendor: str) -> httpx.Response:
    """One good request to a vendor."""
    if vendor == "stripe":
        return stripe_vendor(handle).get("/v1/customers")
    if vendor == "zendesk":
        return zendesk_vendor(handle).get("/api/v2/users/me.json")
    if vendor == "shopify":
        api = Vendor(handle, "shopify", headers={"x-shopify-access-token": credentials.SHOPIFY_ACCESS_TOKEN})
        return api("POST", "/admin/api/2026-10/graphql.json", json={"query": "{ shop { name } }"})
    path = f"/v26/customers/{credentials.GOOGLE_ADS_CUSTOMER_ID}/googleAds:searchStream"
    return google_vendor(handle)("POST", path, json={"query": "SELECT customer.id FROM customer"})


@pytest.fixture
def well(shared: SandboxHandle) -> SandboxHandle:
    shared.clear_faults()
    return shared


@pytest.mark.parametrize("vendor", ["stripe", "zendesk", "shopify", "google_ads"])
@pytest.mark.parametrize("status", [500, 503, 429, 401])
def test_a_vendor_fails_so_many_times_and_is_well_again(well: SandboxHandle, vendor: str, status: int) -> None:
    # the path keeps Google's token endpoint well
    path = "/v26" if vendor == "google_ads" else ""
    well.fault(vendor, status=status, count=2, retry_after=7, path=path)
    failed = [get(well, vendor) for _ in range(2)]
    assert {answer.status_code for answer in failed} == {status}
    assert all(answer.json() for answer in failed)
    if status == 429 and vendor != "google_ads":
        assert {answer.headers["retry-after"] for answer in failed} == {"7"}
    assert get(well, vendor).status_code == 200


def test_other_vendors_and_paths_stay_well(well: SandboxHandle) -> None:
    well.fault("stripe", status=500, count=100, path="/v1/invoices")
    assert stripe_vendor(well).get("/v1/invoices").status_code == 500
    assert stripe_vendor(well).get("/v1/customers").status_code == 200
    assert get(well, "zendesk").status_code == 200
    well.clear_faults()
    assert stripe_vendor(well).get("/v1/invoices").status_code == 200


def test_a_truncated_answer_is_no_json(well: SandboxHandle) -> None:
    well.fault("stripe", truncate=True)
    answer = get(well, "stripe")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|Invalid"):
        answer.json()
    assert get(well, "stripe").json()["object"] == "list"


def test_a_repeated_page_is_the_last_one_again(well: SandboxHandle) -> None:
    api = stripe_vendor(well)
    first = api.get("/v1/customers", limit=5).json()
    well.fault("stripe", repeat_page=True, count=1, path="/v1/customers")
    following = {"starting_after": first["data"][-1]["id"], "limit": 5}
    assert api.get("/v1/customers", **following).json() == first
    assert api.get("/v1/customers", **following).json() != first


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"vendor": "amazon", "status": 500}, "vendor must be one of"),
        ({"vendor": "stripe"}, "exactly one of"),
        ({"vendor": "stripe", "status": 500, "truncate": True}, "exactly one of"),
        ({"vendor": "stripe", "status": 500, "colour": "red"}, "unknown key 'colour'"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(shared: SandboxHandle, given: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Fault.parse(given)
    answer = httpx.post(f"{shared.base_url}/_sandbox/faults", json=given, trust_env=False)
    assert answer.status_code == 400
    assert why in answer.json()["error"]
