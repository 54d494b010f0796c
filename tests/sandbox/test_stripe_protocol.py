"""Stripe's protocol to the letter: what the client library hides or repairs."""

from __future__ import annotations

import httpx
import pytest

from connectors.sandbox import Sandbox, SandboxHandle, running
from connectors.sandbox.population import DAY
from tests.sandbox.conftest import TODAY, Vendor, stripe_all, stripe_vendor


@pytest.fixture(scope="module")
def api(shared: SandboxHandle) -> Vendor:
    return stripe_vendor(shared)


@pytest.fixture
def own(fresh: SandboxHandle) -> tuple[SandboxHandle, Vendor]:
    return fresh, stripe_vendor(fresh)


def error(answer: httpx.Response) -> dict[str, str]:
    found: dict[str, str] = answer.json()["error"]
    return found


def test_a_list_is_ten_long_unless_asked_and_says_whether_there_is_more(api: Vendor) -> None:
    page = api.get("/v1/customers").json()
    assert (page["object"], len(page["data"]), page["has_more"], page["url"]) == ("list", 10, True, "/v1/customers")


@pytest.mark.parametrize("limit", ["0", "101", "-3"])
def test_limits_out_of_range_are_refused(api: Vendor, limit: str) -> None:
    answer = api.get("/v1/charges", limit=limit)
    assert (answer.status_code, error(answer)["param"]) == (400, "limit")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"limit": "many"}, "parameter_invalid_integer"),
        ({"created[gte]": "yesterday"}, "parameter_invalid_integer"),
        ({"page": "2"}, "parameter_unknown"),
        ({"created[after]": "1"}, "parameter_unknown"),
        ({"updated[gte]": "1"}, "parameter_unknown"),
        ({"starting_after": "cus_nobody"}, "resource_missing"),
    ],
)
def test_wrong_parameters_are_refused_by_name(api: Vendor, params: dict[str, str], code: str) -> None:
    answer = api.get("/v1/customers", **params)
    assert (answer.status_code, error(answer)["code"], error(answer)["type"]) == (400, code, "invalid_request_error")


def test_both_cursors_at_once_are_refused(api: Vendor) -> None:
    first = api.get("/v1/customers", limit=1).json()["data"][0]["id"]
    assert api.get("/v1/customers", starting_after=first, ending_before=first).status_code == 400


def test_created_filters_by_second_and_by_range(api: Vendor) -> None:
    everybody = stripe_all(api, "customers")
    at = everybody[len(everybody) // 2]["created"]
    newer = [c["id"] for c in everybody if c["created"] > at]
    assert [c["id"] for c in api.get("/v1/customers", limit=100, **{"created[gt]": at}).json()["data"]] == newer[:100]
    exact = api.get("/v1/customers", created=at).json()["data"]
    assert {c["created"] for c in exact} == {at}
    window = {"created[gte]": at, "created[lt]": at + 1}
    assert api.get("/v1/customers", **window).json()["data"] == exact


def test_without_a_key_or_with_a_wrong_one_the_answer_is_401(shared: SandboxHandle) -> None:
    nobody = Vendor(shared, "stripe").get("/v1/customers")
    assert (nobody.status_code, error(nobody)["type"]) == (401, "invalid_request_error")
    assert "You did not provide an API key" in error(nobody)["message"]
    wrong = Vendor(shared, "stripe", headers={"authorization": "Bearer sk_live_somebody_elses_key"}).get("/v1/customers")
    assert wrong.status_code == 401
    assert "somebody" not in error(wrong)["message"]


def test_the_key_may_also_be_the_user_of_basic_authentication(shared: SandboxHandle) -> None:
    assert Vendor(shared, "stripe", auth=("sk_test_customer_hub_sandbox", "")).get("/v1/customers").status_code == 200


def test_a_version_must_look_like_one_and_every_answer_has_a_request_id(api: Vendor) -> None:
    refused = api("GET", "/v1/customers", headers={"stripe-version": "latest"})
    assert (refused.status_code, error(refused)["message"]) == (400, "Invalid Stripe API version: latest")
    answer = api("GET", "/v1/customers", headers={"stripe-version": "2026-10-28.endive"})
    assert answer.headers["stripe-version"] == "2026-10-28.endive"
    assert answer.headers["request-id"].startswith("req_")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/widgets"), ("PUT", "/v1/customers"), ("POST", "/v1/charges")])
def test_unknown_places_are_404(api: Vendor, method: str, path: str) -> None:
    answer = api(method, path)
    assert (answer.status_code, error(answer)["message"][:24]) == (404, "Unrecognized request URL")


def test_events_filter_by_types_and_wildcard(own: tuple[SandboxHandle, Vendor]) -> None:
    handle, api = own
    handle.advance(2)
    wanted = {"types[]": ["invoice.paid", "customer.updated"]}
    assert {e["type"] for e in api.get("/v1/events", limit=100, **wanted).json()["data"]} == {"invoice.paid", "customer.updated"}
    assert {e["type"].split(".")[0] for e in api.get("/v1/events", limit=100, type="charge.*").json()["data"]} == {"charge"}


def test_events_are_forgotten_after_thirty_days() -> None:
    sandbox = Sandbox(7, 60, today=TODAY)
    with running(sandbox=sandbox) as handle:
        api = stripe_vendor(handle)
        oldest = stripe_all(api, "events")[-1]
        assert sandbox.now() - 30 * DAY <= oldest["created"] < sandbox.now() - 28 * DAY
        handle.advance(3)
        assert api.get(f"/v1/events/{oldest['id']}").status_code == 404
        assert all(e["created"] >= sandbox.now() - 30 * DAY for e in stripe_all(api, "events"))


def test_events_hold_the_object_as_it_was(own: tuple[SandboxHandle, Vendor]) -> None:
    _, api = own
    made = api("POST", "/v1/customers", data={"name": "First"}).json()
    api("POST", f"/v1/customers/{made['id']}", data={"name": "Second"})
    updated, created = api.get("/v1/events", limit=2).json()["data"]
    assert (created["data"]["object"]["name"], updated["data"]["object"]["name"]) == ("First", "Second")
    assert updated["request"]["id"].startswith("req_")


def test_a_changed_object_is_always_told_by_an_event(own: tuple[SandboxHandle, Vendor]) -> None:
    handle, api = own
    before = {c["id"]: c for c in stripe_all(api, "customers")}
    start = api.get("/v1/events", limit=1).json()["data"][0]["created"]
    handle.advance(2)
    told = {e["data"]["object"]["id"] for e in stripe_all(api, "events") if e["created"] > start}
    changed = {c["id"] for c in stripe_all(api, "customers") if before.get(c["id"]) != c}
    assert changed
    assert changed <= told


def test_the_same_idempotency_key_does_it_once(own: tuple[SandboxHandle, Vendor]) -> None:
    handle, api = own
    before = handle.state()["counts"]["stripe"]["customers"]
    how = {"data": {"name": "Once"}, "headers": {"idempotency-key": "k1"}}
    first, second = api("POST", "/v1/customers", **how), api("POST", "/v1/customers", **how)
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert handle.state()["counts"]["stripe"]["customers"] == before + 1
    other = api("POST", "/v1/customers", data={"name": "Other"}, headers={"idempotency-key": "k1"})
    assert (other.status_code, error(other)["type"]) == (400, "idempotency_error")


def test_writes_take_known_fields_and_check_them(own: tuple[SandboxHandle, Vendor]) -> None:
    _, api = own
    assert error(api("POST", "/v1/customers", data={"nickname": "x"}))["code"] == "parameter_unknown"
    assert error(api("POST", "/v1/customers", data={"email": "nobody"}))["code"] == "email_invalid"
    made = api("POST", "/v1/customers", data={"metadata[a]": "1", "metadata[b]": "2", "address[line1]": "1 High Street"}).json()
    assert (made["metadata"], made["address"]["line1"]) == ({"a": "1", "b": "2"}, "1 High Street")
    cleared = api("POST", f"/v1/customers/{made['id']}", data={"metadata[a]": ""}).json()
    assert cleared["metadata"] == {"b": "2"}
    assert api("POST", "/v1/customers/cus_nobody", data={"name": "x"}).status_code == 404


def test_only_a_draft_invoice_can_be_deleted(own: tuple[SandboxHandle, Vendor]) -> None:
    _, api = own
    bills = stripe_all(api, "invoices")
    paid = next(b for b in bills if b["status"] == "paid")
    assert api("DELETE", f"/v1/invoices/{paid['id']}").status_code == 400
    draft = next(b for b in bills if b["status"] == "draft")
    assert api("DELETE", f"/v1/invoices/{draft['id']}").json() == {"id": draft["id"], "object": "invoice", "deleted": True}
    assert api.get(f"/v1/invoices/{draft['id']}").json()["deleted"] is True


def test_expand_puts_the_related_object_in(api: Vendor) -> None:
    bill = api.get("/v1/invoices", limit=1, **{"expand[]": "data.customer"}).json()["data"][0]
    assert bill["customer"]["object"] == "customer"
    assert api.get("/v1/invoices", **{"expand[]": "data.nothing"}).status_code == 400


def test_invoice_payments_join_invoices_and_charges(api: Vendor) -> None:
    paid = next(b for b in stripe_all(api, "invoices") if b["status"] == "paid")
    link = api.get("/v1/invoice_payments", invoice=paid["id"]).json()["data"][0]
    charge = api.get("/v1/charges", payment_intent=link["payment"]["payment_intent"]).json()["data"][0]
    assert (charge["amount"], charge["customer"]) == (paid["total"], paid["customer"])
    assert "invoice" not in charge
    assert "charge" not in paid


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"payment[payment_intent]": "pi_1"}, "parameter_missing"),
        ({"payment[type]": "payment_intent", "payment[charge]": "ch_1"}, "parameter_unknown"),
        ({"payment[type]": "charge"}, None),
    ],
)
def test_invoice_payments_are_found_by_a_payment_of_a_known_type(api: Vendor, params: dict[str, str], code: str | None) -> None:
    answer = api.get("/v1/invoice_payments", **params)
    assert (answer.status_code, answer.json()["error"].get("code")) == (400, code)
    assert len(api.get("/v1/invoice_payments", **{"payment[type]": "payment_intent"}).json()["data"]) == 10
    assert api.get("/v1/invoice_payments", **{"payment[type]": "payment_record"}).json()["data"] == []


def test_what_went_back_is_told_by_events_of_its_own(own: tuple[SandboxHandle, Vendor]) -> None:
    handle, api = own
    start = api.get("/v1/events", limit=1).json()["data"][0]["created"]
    handle.advance(3)
    events = [e for e in stripe_all(api, "events") if e["created"] > start]
    told = {kind: [e["data"]["object"] for e in events if e["type"] == kind] for kind in {e["type"] for e in events}}
    assert {r["charge"] for r in told["refund.created"]} == {c["id"] for c in told["charge.refunded"]}
    assert {p["invoice"] for p in told["invoice_payment.paid"]} == {b["id"] for b in told["invoice.paid"]}
    new = {n["id"] for n in stripe_all(api, "credit_notes") if n["created"] > start}
    assert {n["id"] for n in told.get("credit_note.created", [])} == new


def test_a_deleted_customers_cursor_still_pages(own: tuple[SandboxHandle, Vendor]) -> None:
    _, api = own
    listed = [c["id"] for c in stripe_all(api, "customers")]
    api("DELETE", f"/v1/customers/{listed[4]}")
    assert [c["id"] for c in api.get("/v1/customers", starting_after=listed[4], limit=3).json()["data"]] == listed[5:8]
