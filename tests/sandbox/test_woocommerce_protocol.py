"""The sandbox's WooCommerce does what was measured of a real one, the inconvenient parts above all."""

from __future__ import annotations

import base64
import hmac
import time
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.sandbox import Sandbox, SandboxHandle, running
from connectors.sandbox.wire import Call
from connectors.sandbox.woocommerce.books import WooError
from connectors.sandbox.woocommerce.signature import CONSUMER_KEY, CONSUMER_SECRET, Gate, signature_base
from tests.sandbox.conftest import TODAY, Vendor, truth_rows

API = "/wp-json/wc/v3"


def vendor(handle: SandboxHandle) -> Vendor:
    return Vendor(handle, "woocommerce", auth=(CONSUMER_KEY, CONSUMER_SECRET))


@pytest.fixture(scope="module")
def api(shared: SandboxHandle) -> Vendor:
    return vendor(shared)


def place(woo: Vendor, **fields: Any) -> dict[str, Any]:
    order = {"line_items": [{"product_id": 101}], "billing": {"email": "ann@quickmail.example"}, **fields}
    made: dict[str, Any] = woo("POST", f"{API}/orders", json=order).raise_for_status().json()
    return made


def ids(answer: httpx.Response) -> list[int]:
    return [row["id"] for row in answer.raise_for_status().json()]


# who may ask -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "code", "message"),
    [
        (None, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
        (("ck_wrong", CONSUMER_SECRET), "woocommerce_rest_authentication_error", "Consumer key is invalid."),
        ((CONSUMER_KEY, "cs_wrong"), "woocommerce_rest_authentication_error", "Consumer secret is invalid."),
    ],
)
def test_one_without_the_key_is_refused(shared: SandboxHandle, auth: Any, code: str, message: str) -> None:
    answer = Vendor(shared, "woocommerce", auth=auth).get(f"{API}/orders")
    assert answer.status_code == 401
    assert answer.json() == {"code": code, "message": message, "data": {"status": 401}}


def test_the_key_may_stand_in_the_query(shared: SandboxHandle) -> None:
    key = {"consumer_key": CONSUMER_KEY, "consumer_secret": CONSUMER_SECRET}
    assert Vendor(shared, "woocommerce").get(f"{API}/orders", **key).status_code == 200


def signed(nonce: str, at: int, method: str = "HMAC-SHA256") -> list[tuple[str, str]]:
    """The query of a request for orders, signed as RFC 5849 says."""
    given = [("oauth_consumer_key", CONSUMER_KEY), ("oauth_nonce", nonce), ("oauth_signature_method", method)]
    query = (*given, ("oauth_timestamp", str(at)), ("status", "a b/c,d"))
    base = signature_base(Call("GET", f"{API}/orders", query, {}, b"", "http://shop.example/x"))
    digest = hmac.new(f"{CONSUMER_SECRET}&".encode(), base.encode(), "sha256").digest()
    return [*query, ("oauth_signature", base64.b64encode(digest).decode())]


def test_what_is_signed_is_written_as_rfc_5849_says() -> None:
    query = (("b", "x y"), ("a", "1/2,ü"), ("oauth_signature", "left out"), ("oauth_nonce", "n~-._"))
    call = Call("GET", "/p", query, {}, b"", "http://shop.example")
    assert signature_base(call) == (
        "GET&http%3A%2F%2Fshop.example%2Fp&a%3D1%252F2%252C%25C3%25BC%26b%3Dx%2520y%26oauth_nonce%3Dn~-._"
    )


def test_a_signed_request_counts_once_and_not_for_ever() -> None:
    gate, now = Gate(), int(time.time())

    def told(query: list[tuple[str, str]]) -> str:
        try:
            gate.admit(Call("GET", f"{API}/orders", tuple(query), {}, b"", "http://shop.example/x"))
        except WooError as error:
            return error.message
        return "admitted"

    assert told(signed("one", now)) == "admitted"
    assert told(signed("one", now)) == "Invalid nonce - nonce has already been used."
    assert told(signed("two", now - 3_600)) == "Invalid timestamp."
    assert told([*signed("three", now), ("page", "2")]) == "Invalid signature - provided signature does not match."
    assert told(signed("four", now, "PLAINTEXT")) == "Invalid signature - signature method is invalid."


def test_an_unknown_route_is_a_404_in_wordpress_words(api: Vendor) -> None:
    answer = api.get(f"{API}/widgets")
    assert (answer.status_code, answer.json()["code"]) == (404, "rest_no_route")


# paging and filters ------------------------------------------------------------------------------------------------


def test_a_page_has_ten_and_tells_of_the_whole(api: Vendor, shared: SandboxHandle) -> None:
    total = shared.state()["counts"]["woocommerce"]["orders"]
    first = api.get(f"{API}/orders")
    assert len(ids(first)) == 10
    assert (first.headers["x-wp-total"], first.headers["x-wp-totalpages"]) == (str(total), str(-(-total // 10)))
    assert 'rel="next"' in first.headers["link"]
    assert 'rel="prev"' not in first.headers["link"]
    following = first.links["next"]["url"].removeprefix(shared.url("woocommerce"))
    assert ids(api("GET", following)) == ids(api.get(f"{API}/orders", page=2)) == ids(api.get(f"{API}/orders", offset=10))
    assert "link" not in api.get(f"{API}/orders", per_page=100, include=ids(first)[0]).headers


@pytest.mark.parametrize(
    ("params", "name", "code"),
    [
        ({"per_page": 200}, "per_page", "rest_out_of_bounds"),
        ({"per_page": 0}, "per_page", "rest_out_of_bounds"),
        ({"per_page": "many"}, "per_page", "rest_invalid_type"),
        ({"page": 0}, "page", "rest_out_of_bounds"),
        ({"orderby": "total"}, "orderby", "rest_not_in_enum"),
        ({"order": "up"}, "order", "rest_not_in_enum"),
        ({"status": "sold"}, "status", "rest_not_in_enum"),
        ({"modified_after": "yesterday"}, "modified_after", "rest_invalid_date"),
        ({"include": "a"}, "include", "rest_invalid_type"),
    ],
)
def test_a_wrong_parameter_is_a_400_that_names_it(api: Vendor, params: dict[str, Any], name: str, code: str) -> None:
    answer = api.get(f"{API}/orders", **params)
    assert answer.status_code == 400
    said = answer.json()
    assert (said["code"], said["message"]) == ("rest_invalid_param", f"Invalid parameter(s): {name}")
    assert said["data"]["details"][name]["code"] == code


def test_customers_cannot_be_asked_by_change(api: Vendor) -> None:
    assert ids(api.get(f"{API}/customers", modified_after="2099-01-01T00:00:00", per_page=100)) == ids(
        api.get(f"{API}/customers", per_page=100)
    )
    assert api.get(f"{API}/customers", orderby="modified").status_code == 400


def test_a_filter_by_change_leaves_its_own_second_out(fresh: SandboxHandle) -> None:
    woo = vendor(fresh)
    made = place(woo)
    at = made["date_modified_gmt"]
    before = (datetime.fromisoformat(at) - timedelta(seconds=1)).isoformat()
    after = {"dates_are_gmt": "true", "per_page": 100}
    assert made["id"] not in ids(woo.get(f"{API}/orders", modified_after=at, **after))
    assert made["id"] in ids(woo.get(f"{API}/orders", modified_after=before, **after))
    assert made["id"] not in ids(woo.get(f"{API}/orders", modified_before=at, **after))


def test_a_page_behind_the_end_of_the_orders_knows_no_total(api: Vendor) -> None:
    answer = api.get(f"{API}/orders", offset=100_000)
    assert (ids(answer), answer.headers["x-wp-total"]) == ([], "0")
    beyond = api.get(f"{API}/orders", page=10_000)
    assert int(beyond.headers["x-wp-total"]) > 0


def test_fields_may_be_asked_for_by_name(api: Vendor) -> None:
    (row,) = api.get(f"{API}/orders", per_page=1, _fields="id,status,billing.email").json()
    assert set(row) == {"id", "status", "billing"}


# deletes -----------------------------------------------------------------------------------------------------------


def test_trash_is_out_of_the_list_and_not_gone(fresh: SandboxHandle) -> None:
    woo = vendor(fresh)
    key = place(woo)["id"]
    assert woo("DELETE", f"{API}/orders/{key}").json()["status"] == "trash"
    assert key not in ids(woo.get(f"{API}/orders", per_page=100, orderby="id"))
    assert ids(woo.get(f"{API}/orders", status="trash", include=key)) == [key]
    assert woo.get(f"{API}/orders/{key}").status_code == 200
    assert ("orders", str(key)) not in {(row["stream"], row["source_record_id"]) for row in truth_rows(fresh)}
    assert woo("DELETE", f"{API}/orders/{key}", params={"force": "true"}).status_code == 200
    assert woo.get(f"{API}/orders/{key}").json()["code"] == "woocommerce_rest_shop_order_invalid_id"


def test_a_deleted_customers_orders_become_a_guests_and_do_not_say_so(fresh: SandboxHandle) -> None:
    woo = vendor(fresh)
    customer = woo("POST", f"{API}/customers", json={"email": "ann@quickmail.example"}).json()["id"]
    made = place(woo, customer_id=customer)
    assert woo("DELETE", f"{API}/customers/{customer}").status_code == 501
    woo("DELETE", f"{API}/customers/{customer}", params={"force": "true"}).raise_for_status()
    orphan = woo.get(f"{API}/orders/{made['id']}").json()
    assert (orphan["customer_id"], orphan["date_modified_gmt"]) == (0, made["date_modified_gmt"])
    rows = {(row["stream"], row["source_record_id"]) for row in truth_rows(fresh) if row["source_system"] == "woocommerce"}
    assert ("orders", str(made["id"])) in rows
    assert ("customers", str(customer)) not in rows


def test_staff_cannot_be_deleted(api: Vendor) -> None:
    assert api("DELETE", f"{API}/customers/1", params={"force": "true"}).status_code == 403


def test_a_note_in_the_meta_data_is_a_change(fresh: SandboxHandle) -> None:
    woo = vendor(fresh)
    key = place(woo)["id"]
    fresh.push_clock(10)
    note = {"meta_data": [{"key": "common_customer_id", "value": "c_1"}]}
    changed = woo("PUT", f"{API}/orders/{key}", json=note).json()
    assert changed["date_modified_gmt"] > changed["date_created_gmt"]


def test_a_refund_is_dated_in_its_own_list_only(fresh: SandboxHandle) -> None:
    woo = vendor(fresh)
    key = place(woo, status="completed")["id"]
    made = woo("POST", f"{API}/orders/{key}/refunds", json={"amount": "4.00", "reason": "late"}).json()
    assert woo("POST", f"{API}/orders/{key}/refunds", json={"amount": "400.00"}).status_code == 500
    (told,) = woo.get(f"{API}/orders/{key}").json()["refunds"]
    assert told == {"id": made["id"], "reason": "late", "total": "-4.00"}
    (listed,) = woo.get(f"{API}/orders/{key}/refunds").json()
    (anywhere,) = woo.get(f"{API}/refunds", include=made["id"]).json()
    assert listed["date_created_gmt"] == anywhere["date_created_gmt"]
    assert (anywhere["parent_id"], "parent_id" in listed) == (key, False)
    woo("POST", f"{API}/orders/{key}/refunds", json={"amount": "15.00"}).raise_for_status()
    assert woo.get(f"{API}/orders/{key}").json()["status"] == "refunded"


# the world ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "where", "body"),
    [
        ("POST", "orders", {"status": "sold"}),
        ("POST", "orders", {"customer_id": 999_999}),
        ("POST", "orders", {"line_items": [{"quantity": 1}]}),
        ("POST", "customers", {}),
        ("POST", "customers", {"email": "nobody"}),
        ("PUT", "orders/999999", {"status": "completed"}),
        ("POST", "orders", {"line_items": [{"name": "x", "total": "a lot"}]}),
    ],
)
def test_what_cannot_be_written_is_a_400(api: Vendor, write: str, where: str, body: dict[str, Any]) -> None:
    assert api(write, f"{API}/{where}", json=body).status_code == 400


def test_writes_survive_a_restart(tmp_path: Any) -> None:
    def orders(handle: SandboxHandle) -> list[Any]:
        listed: list[Any] = vendor(handle).get(f"{API}/orders", per_page=100, status="any,trash").json()
        return listed

    with running(sandbox=Sandbox(7, 20, tmp_path, today=TODAY)) as handle:
        woo = vendor(handle)
        customer = woo("POST", f"{API}/customers", json={"email": "ann@quickmail.example", "first_name": "Ann"}).json()["id"]
        made = place(woo, customer_id=customer, set_paid=True)
        woo("POST", f"{API}/orders/{made['id']}/refunds", json={"amount": "1.00"}).raise_for_status()
        woo("PUT", f"{API}/customers/{customer}", json={"last_name": "Lee"}).raise_for_status()
        woo("DELETE", f"{API}/orders/{place(woo)['id']}").raise_for_status()
        handle.advance()
        held = orders(handle)
    with running(sandbox=Sandbox(7, 20, tmp_path, today=TODAY)) as handle:
        assert orders(handle) == held


def test_the_shop_changes_nothing_in_the_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    from connectors.sandbox import systems

    def others(present: bool) -> Any:
        names = tuple(name for name in systems._SYSTEMS if present or name != "woocommerce")
        monkeypatch.setattr(systems, "_SYSTEMS", names)
        systems.systems.cache_clear()
        world = Sandbox(3, 60, today=TODAY)
        world.advance(2)
        monkeypatch.undo()
        systems.systems.cache_clear()
        shelves = (world.world.stripe.customers, world.world.zendesk.users, world.world.shopify.orders)
        return [list(shelf) for shelf in shelves], [row for row in world.world.truth() if row[0] != "woocommerce"]

    assert others(True) == others(False)


def test_faults_speak_wordpress_or_the_server_before_it(fresh: SandboxHandle) -> None:
    woo = vendor(fresh)
    fresh.fault("woocommerce", status=500)
    assert woo.get(f"{API}/orders").json()["code"] == "internal_server_error"
    fresh.fault("woocommerce", status=429, retry_after=3)
    throttled = woo.get(f"{API}/orders")
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "3")
    assert throttled.text.startswith("<html>")
    assert woo.get(f"{API}/orders").status_code == 200
