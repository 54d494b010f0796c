"""WooCommerce's own Python client against the sandbox. Over plain http it signs its requests."""

from __future__ import annotations

from typing import Any

import pytest
from woocommerce import API

from connectors.sandbox import SandboxHandle
from connectors.sandbox.woocommerce.signature import CONSUMER_KEY, CONSUMER_SECRET
from tests.sandbox.conftest import truth_rows


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def client(handle: SandboxHandle, secret: str = CONSUMER_SECRET) -> API:
    return API(url=handle.url("woocommerce"), consumer_key=CONSUMER_KEY, consumer_secret=secret, version="wc/v3", timeout=30)


def everything(api: API, path: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = 1
    while True:
        answer = api.get(path, params={"per_page": 20, "page": page, **params})
        answer.raise_for_status()
        found += answer.json()
        if page >= int(answer.headers["X-WP-TotalPages"]):
            assert len(found) == int(answer.headers["X-WP-Total"])
            return found
        page += 1


def test_it_pages_through_customers_and_orders(shared: SandboxHandle) -> None:
    api, counts = client(shared), shared.state()["counts"]["woocommerce"]
    customers = everything(api, "customers")
    assert len({c["id"] for c in customers}) == len(customers) == counts["customers"]
    assert {c["role"] for c in customers} == {"customer"}
    assert len(everything(api, "customers", role="all")) == counts["customers"] + 2
    orders = everything(api, "orders")
    assert len({o["id"] for o in orders}) == len(orders) == counts["orders"]
    assert [o["date_created_gmt"] for o in orders] == sorted((o["date_created_gmt"] for o in orders), reverse=True)


def test_the_truth_knows_every_customer_and_guest(shared: SandboxHandle) -> None:
    api = client(shared)
    known = {(row["stream"], row["source_record_id"]) for row in truth_rows(shared) if row["source_system"] == "woocommerce"}
    guests = {("orders", str(o["id"])) for o in everything(api, "orders") if o["customer_id"] == 0}
    assert {key for key in known if key[0] == "orders"} == guests
    assert {key for key in known if key[0] == "customers"} == {("customers", str(c["id"])) for c in everything(api, "customers")}


def test_it_creates_changes_and_deletes_a_customer(fresh: SandboxHandle) -> None:
    api = client(fresh)
    fields = {"email": "zoe@quickmail.example", "first_name": "Zoë", "billing": {"city": "Århus", "phone": "+4512345678"}}
    made = api.post("customers", fields)
    assert made.status_code == 201
    key = made.json()["id"]
    changed = api.put(f"customers/{key}", {"last_name": "Ångström", "meta_data": [{"key": "common_customer_id", "value": "c_1"}]})
    assert (changed.json()["first_name"], changed.json()["last_name"], changed.json()["billing"]["city"]) == (
        "Zoë",
        "Ångström",
        "Århus",
    )
    assert [(m["key"], m["value"]) for m in changed.json()["meta_data"]] == [("common_customer_id", "c_1")]
    assert api.post("customers", fields).json()["code"] == "registration-error-email-exists"
    assert api.delete(f"customers/{key}").status_code == 501
    assert api.delete(f"customers/{key}", params={"force": True}).status_code == 200
    assert api.get(f"customers/{key}").status_code == 404


def test_it_places_refunds_and_trashes_an_order(fresh: SandboxHandle) -> None:
    api = client(fresh)
    order = {
        "set_paid": True,
        "billing": {"first_name": "Ann", "email": "ann@quickmail.example"},
        "line_items": [{"product_id": 101, "quantity": 2}],
        "shipping_lines": [{"method_id": "flat_rate", "total": "5.00"}],
    }
    made = api.post("orders", order).json()
    assert (made["status"], made["total"], made["customer_id"], made["line_items"][0]["price"]) == ("processing", "43.00", 0, 19)
    refund = api.post(f"orders/{made['id']}/refunds", {"amount": "3.00", "reason": "late"}).json()
    assert api.get(f"orders/{made['id']}").json()["refunds"] == [{"id": refund["id"], "reason": "late", "total": "-3.00"}]
    assert [r["id"] for r in api.get("refunds", params={"include": refund["id"]}).json()] == [refund["id"]]
    api.delete(f"orders/{made['id']}")
    assert made["id"] not in {o["id"] for o in everything(api, "orders")}
    assert made["id"] in {o["id"] for o in everything(api, "orders", status="trash")}
    assert api.get(f"orders/{made['id']}").json()["status"] == "trash"
    assert api.delete(f"orders/{made['id']}").status_code == 410
    api.delete(f"orders/{made['id']}", params={"force": True})
    gone = api.get(f"orders/{made['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "woocommerce_rest_shop_order_invalid_id")


def test_a_wrong_secret_is_refused(shared: SandboxHandle) -> None:
    answer = client(shared, "cs_wrong").get("orders")
    assert (answer.status_code, answer.json()["code"]) == (401, "woocommerce_rest_authentication_error")
    assert answer.json()["message"] == "Invalid signature - provided signature does not match."
