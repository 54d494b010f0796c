"""Shopify's Admin GraphQL protocol: access, versions, validation, paging, search, cost, mutations."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.sandbox import Sandbox, SandboxHandle, credentials, running
from connectors.sandbox.shopify_lines import spread
from tests.sandbox.conftest import TODAY, Vendor, shopify_all

PATH = "/admin/api/2026-10/graphql.json"
TOKEN = {"x-shopify-access-token": credentials.SHOPIFY_ACCESS_TOKEN}


@pytest.fixture(scope="module")
def api(shared: SandboxHandle) -> Vendor:
    return Vendor(shared, "shopify", headers=TOKEN)


def run(api: Vendor, query: str, path: str = PATH, **variables: Any) -> dict[str, Any]:
    answer = api("POST", path, json={"query": query, "variables": variables})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def refusal(api: Vendor, query: str, **variables: Any) -> dict[str, Any]:
    found: dict[str, Any] = run(api, query, **variables)["errors"][0]
    return found


def test_a_wrong_or_missing_token_is_401_in_shopifys_words(shared: SandboxHandle) -> None:
    for headers in ({}, {"x-shopify-access-token": "shpat_wrong"}):
        answer = Vendor(shared, "shopify", headers=headers)("POST", PATH, json={"query": "{shop{name}}"})
        assert answer.status_code == 401
        assert answer.json()["errors"].startswith("[API] Invalid API key or access token")


def test_an_old_version_falls_forward_silently_and_an_unknown_one_is_404(api: Vendor) -> None:
    def at(version: str) -> httpx.Response:
        return api("POST", f"/admin/api/{version}/graphql.json", json={"query": "{shop{name}}"})

    assert at("2026-10").headers["x-shopify-api-version"] == "2026-10"
    assert at("2026-07").headers["x-shopify-api-version"] == "2026-07"
    assert at("2024-04").headers["x-shopify-api-version"] == "2026-01"
    assert at("2027-01").status_code == 404
    assert api("GET", "/admin/api/2026-10/shop.json").status_code == 404


def test_an_undefined_field_is_refused_as_shopify_does(api: Vendor) -> None:
    found = refusal(api, "{ customers(first: 1) { nodes { emial } } }")
    assert found["message"] == "Field 'emial' doesn't exist on type 'Customer'"
    assert found["extensions"] == {"code": "undefinedField", "fieldName": "emial", "typeName": "Customer"}
    assert found["locations"] == [{"line": 1, "column": 33}]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ customers(first: 1, since: 3) { nodes { id } } }", "argumentNotAccepted"),
        ("query($id: ID!) { customer(id: $id) { id } }", "INVALID_VARIABLE"),
        ("{ customers { nodes { id } } }", "BAD_REQUEST"),
        ("{ customers(first: 251) { nodes { id } } }", "BAD_REQUEST"),
        ('{ customers(first: 2, after: "nonsense") { nodes { id } } }', "BAD_REQUEST"),
        ('{ customer(id: "gid://shopify/Order/1") { id } }', "argumentLiteralsIncompatible"),
    ],
)
def test_wrong_queries_are_refused_with_a_code(api: Vendor, query: str, code: str) -> None:
    assert refusal(api, query)["extensions"]["code"] == code


def test_a_page_over_250_is_refused_in_shopifys_words(api: Vendor) -> None:
    assert refusal(api, "{ orders(first: 251) { nodes { id } } }")["message"].startswith("first cannot exceed 250")


def test_syntax_errors_and_bodies_without_query_are_refused(api: Vendor) -> None:
    assert "Syntax Error" in refusal(api, "{ shop { name ")["message"]
    assert api("POST", PATH, content=b"not json").json() == {"errors": {"query": "Required parameter missing or invalid"}}


def test_pages_meet_and_cover_everything_in_either_direction(shared: SandboxHandle) -> None:
    everybody = [c["id"] for c in shopify_all(shared, "customers", "id")]
    assert len(everybody) == shared.state()["counts"]["shopify"]["customers"]
    assert [c["id"] for c in shopify_all(shared, "customers", "id", size=7)] == everybody
    last = shared.graphql("{ customers(last: 5) { nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor } } }")[
        "customers"
    ]
    assert [c["id"] for c in last["nodes"]] == everybody[-5:]
    assert (last["pageInfo"]["hasNextPage"], last["pageInfo"]["hasPreviousPage"]) == (False, True)
    query = "query($c: String) { customers(last: 5, before: $c) { nodes { id } } }"
    before = shared.graphql(query, {"c": last["pageInfo"]["startCursor"]})["customers"]["nodes"]
    assert [c["id"] for c in before] == everybody[-10:-5]


@pytest.mark.parametrize(("kind", "key"), [("customers", "UPDATED_AT"), ("orders", "UPDATED_AT"), ("orders", "CREATED_AT")])
def test_sort_keys_sort_and_reverse(shared: SandboxHandle, kind: str, key: str) -> None:
    field = {"UPDATED_AT": "updatedAt", "CREATED_AT": "createdAt"}[key]
    for reverse in ("false", "true"):
        query = f"{{ {kind}(first: 100, sortKey: {key}, reverse: {reverse}) {{ edges {{ cursor node {{ {field} }} }} }} }}"
        times = [edge["node"][field] for edge in shared.graphql(query)[kind]["edges"]]
        assert times == sorted(times, reverse=reverse == "true")


def test_search_by_updated_at_finds_exactly_what_changed_since(shared: SandboxHandle) -> None:
    orders = shopify_all(shared, "orders", "id updatedAt")
    since = sorted(o["updatedAt"] for o in orders)[len(orders) // 2]
    query = "query($q: String) { orders(first: 250, query: $q, sortKey: UPDATED_AT) { nodes { id updatedAt } } }"
    found = shared.graphql(query, {"q": f"updated_at:>='{since}'"})["orders"]["nodes"]
    assert {o["id"] for o in found} == {o["id"] for o in orders if o["updatedAt"] >= since}
    strictly = shared.graphql(query, {"q": f"updated_at:>'{since}'"})["orders"]["nodes"]
    assert since not in {o["updatedAt"] for o in strictly}


def test_a_misspelt_search_field_does_not_filter_but_warns(api: Vendor) -> None:
    answer = run(api, "{ customers(first: 250, query: \"updatedat:>'2030-01-01'\") { nodes { id } } }")
    assert answer["data"]["customers"]["nodes"]
    warning = answer["extensions"]["search"][0]["warnings"][0]
    assert (warning["field"], warning["code"]) == ("updatedat", "invalid_field")


def test_deletions_show_as_destroy_events(fresh: SandboxHandle) -> None:
    made = fresh.graphql('mutation { customerCreate(input: {email: "brief@quickmail.example"}) { customer { id } } }')
    key = made["customerCreate"]["customer"]["id"]
    gone = fresh.graphql(
        "mutation($i: CustomerDeleteInput!) { customerDelete(input: $i) { deletedCustomerId } }", {"i": {"id": key}}
    )
    assert gone["customerDelete"]["deletedCustomerId"] == key
    query = """{ events(first: 50, query: "action:destroy AND subject_type:CUSTOMER", sortKey: CREATED_AT) {
        nodes { createdAt action ... on BasicEvent { subjectId subjectType } } } }"""
    event = fresh.graphql(query)["events"]["nodes"][-1]
    assert (event["subjectId"], event["subjectType"], event["action"]) == (key, "CUSTOMER", "destroy")
    assert fresh.graphql("query($k: ID!) { customer(id: $k) { id } }", {"k": key})["customer"] is None


def test_user_errors_come_beside_the_data(fresh: SandboxHandle) -> None:
    create = "mutation($i: CustomerInput!) { customerCreate(input: $i) { customer { id } userErrors { field message } } }"
    taken = next(c for c in shopify_all(fresh, "customers", "defaultEmailAddress { emailAddress }") if c["defaultEmailAddress"])
    for given, text in (
        ({"email": taken["defaultEmailAddress"]["emailAddress"]}, "Email has already been taken"),
        ({"email": "nobody"}, "Email is invalid"),
        ({"phone": "0171 123"}, "Phone is invalid"),
        ({"note": "x"}, "A name, phone number, or email address must be present"),
    ):
        refused = fresh.graphql(create, {"i": given})["customerCreate"]
        assert (refused["customer"], refused["userErrors"][0]["message"]) == (None, text)
    buyer = next(c["id"] for c in shopify_all(fresh, "customers", "id numberOfOrders") if c["numberOfOrders"] != "0")
    delete = "mutation($i: CustomerDeleteInput!) { customerDelete(input: $i) { deletedCustomerId userErrors { message } } }"
    refused = fresh.graphql(delete, {"i": {"id": buyer}})["customerDelete"]
    assert "associated orders" in refused["userErrors"][0]["message"]


def test_an_update_moves_updated_at_and_an_equal_one_does_not(fresh: SandboxHandle) -> None:
    made = fresh.graphql('mutation { customerCreate(input: {email: "u@quickmail.example"}) { customer { id updatedAt } } }')
    customer = made["customerCreate"]["customer"]
    update = (
        "mutation($i: CustomerInput!) { customerUpdate(input: $i) { customer { updatedAt firstName } userErrors { message } } }"
    )

    def write(name: str) -> str:
        fresh.push_clock(10)
        given = {"id": customer["id"], "firstName": name}
        return str(fresh.graphql(update, {"i": given})["customerUpdate"]["customer"]["updatedAt"])

    first = write("Ann")
    assert first > customer["updatedAt"]
    assert write("Ann") == first


def test_a_posted_order_is_a_customers_or_a_guests(fresh: SandboxHandle) -> None:
    buyer = shopify_all(fresh, "customers", "legacyResourceId")[0]["legacyResourceId"]
    address = {
        "firstName": "Ann",
        "lastName": "Lee",
        "address1": "1 Main St",
        "city": "Boston",
        "zip": "02101",
        "countryCode": "US",
    }
    query = """query($k: ID!) { order(id: $k) { test email customer { legacyResourceId } displayFinancialStatus
        billingAddress { name countryCodeV2 }
        totalPriceSet { shopMoney { amount } presentmentMoney { amount currencyCode } } } }"""

    def order(key: str) -> dict[str, Any]:
        found: dict[str, Any] = fresh.graphql(query, {"k": f"gid://shopify/Order/{key}"})["order"]
        return found

    guest = order(fresh.post_order("ann@quickmail.example", address=address, items=[("Mug", 2, "14.50")], currency="JPY"))
    assert (guest["customer"], guest["email"], guest["displayFinancialStatus"]) == (None, "ann@quickmail.example", "PAID")
    assert guest["billingAddress"] == {"name": "Ann Lee", "countryCodeV2": "US"}
    money = guest["totalPriceSet"]
    assert money["shopMoney"]["amount"] == "29.0"
    assert money["presentmentMoney"] == {"amount": "4328.0", "currencyCode": "JPY"}
    owned = order(fresh.post_order(customer_id=buyer, test=True))
    assert (owned["customer"]["legacyResourceId"], owned["test"]) == (buyer, True)


def test_an_order_for_an_unknown_buyer_can_make_them_a_customer(fresh: SandboxHandle) -> None:
    query = """mutation($o: OrderCreateOrderInput!) { orderCreate(order: $o) {
        order { customer { defaultEmailAddress { emailAddress } firstName } } userErrors { field message } } }"""
    line = {"title": "Mug", "quantity": 1, "priceSet": {"shopMoney": {"amount": "14.50", "currencyCode": "USD"}}}
    buyer = {"toUpsert": {"email": "up@quickmail.example", "firstName": "Up"}}
    made = fresh.graphql(query, {"o": {"lineItems": [line], "customer": buyer}})["orderCreate"]
    assert made["order"]["customer"] == {"defaultEmailAddress": {"emailAddress": "up@quickmail.example"}, "firstName": "Up"}
    nobody = {"toAssociate": {"id": "gid://shopify/Customer/1"}}
    assert fresh.graphql(query, {"o": {"lineItems": [line], "customer": nobody}})["orderCreate"]["userErrors"]
    assert fresh.graphql(query, {"o": {"customer": buyer}})["orderCreate"]["userErrors"]


def test_a_metafield_is_written_read_back_and_moves_updated_at(fresh: SandboxHandle) -> None:
    customer = shopify_all(fresh, "customers", "id updatedAt")[0]
    fresh.push_clock(5)
    write = """mutation($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m) {
        metafields { value } userErrors { field message } } }"""
    field = {"ownerId": customer["id"], "namespace": "hub", "key": "common_id", "type": "single_line_text_field", "value": "c_1"}
    assert fresh.graphql(write, {"m": [field]})["metafieldsSet"] == {"metafields": [{"value": "c_1"}], "userErrors": []}
    read = 'query($k: ID!) { customer(id: $k) { updatedAt metafield(namespace: "hub", key: "common_id") { value type } } }'
    held = fresh.graphql(read, {"k": customer["id"]})["customer"]
    assert held["metafield"] == {"value": "c_1", "type": "single_line_text_field"}
    assert held["updatedAt"] > customer["updatedAt"]
    missing = {**field, "ownerId": "gid://shopify/Customer/1"}
    assert fresh.graphql(write, {"m": [missing]})["metafieldsSet"]["userErrors"][0]["message"] == "Owner does not exist."


def test_sums_of_an_order_agree(shared: SandboxHandle) -> None:
    names = ("totalPrice", "subtotalPrice", "totalTax", "totalShippingPrice", "totalRefunded", "currentTotalPrice")
    bags = [f"{name}Set" for name in names]
    fields = " ".join(f"{bag} {{ shopMoney {{ amount currencyCode }} }}" for bag in bags)
    for order in shopify_all(shared, "orders", f"cancelledAt {fields}", size=100):
        total, subtotal, tax, shipping, refunded, current = (Decimal(order[bag]["shopMoney"]["amount"]) for bag in bags)
        assert total == subtotal + tax + shipping
        assert current == (0 if order["cancelledAt"] else total - refunded)
        assert order["totalPriceSet"]["shopMoney"]["currencyCode"] == "USD"


def test_every_answer_tells_its_cost_and_a_huge_query_is_refused(api: Vendor) -> None:
    cost = run(api, "{ shop { name } }")["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (1, 1)
    assert set(cost["throttleStatus"]) == {"maximumAvailable", "currentlyAvailable", "restoreRate"}
    wide = "{ product: customers(first: 250) { nodes { defaultEmailAddress { emailAddress } } } }"
    assert run(api, wide)["extensions"]["cost"]["requestedQueryCost"] == 25
    deep = "{ customers(first: 250) { nodes { orders(first: 250) { nodes { lineItems(first: 250) { nodes { id } } } } } } }"
    refused = refusal(api, deep)
    assert refused["extensions"]["code"] == "MAX_COST_EXCEEDED"


def test_the_bucket_throttles_when_told_to() -> None:
    query = "query($n: Int) { orders(first: $n) { nodes { id lineItems(first: 100) { nodes { id } } } } }"
    with running(sandbox=Sandbox(7, 20, today=TODAY), shopify_throttled=True) as handle:
        api = Vendor(handle, "shopify", headers=TOKEN)
        answers = [run(api, query, n=250) for _ in range(60)]
    throttled = [a for a in answers if "errors" in a]
    assert throttled
    assert "errors" not in answers[0]
    assert throttled[0]["errors"][0]["extensions"]["code"] == "THROTTLED"
    cost = throttled[0]["extensions"]["cost"]
    assert (
        cost["throttleStatus"]["currentlyAvailable"]
        < cost["requestedQueryCost"]
        == answers[0]["extensions"]["cost"]["actualQueryCost"]
    )


def test_times_are_utc_and_global_ids_hold_the_legacy_id(shared: SandboxHandle) -> None:
    customer = shopify_all(shared, "customers", "id legacyResourceId createdAt")[0]
    assert customer["id"] == f"gid://shopify/Customer/{customer['legacyResourceId']}"
    moment = datetime.fromisoformat(customer["createdAt"])
    assert moment.utcoffset() is not None
    assert customer["createdAt"].endswith("Z")


def test_journeys_name_campaigns_that_ran(shared: SandboxHandle) -> None:
    fields = "customerJourneySummary { lastVisit { landingPage referrerUrl utmParameters { medium campaign } } }"
    visits = [o["customerJourneySummary"]["lastVisit"] for o in shopify_all(shared, "orders", fields)]
    paid = [v["utmParameters"]["campaign"] for v in visits if v and v["utmParameters"] and v["utmParameters"]["medium"] == "cpc"]
    assert paid
    assert all(campaign.isdigit() for campaign in paid)
    assert any(v is None for v in visits)


LINES = """id taxesIncluded subtotalPriceSet { shopMoney { amount } } totalTaxSet { shopMoney { amount } }
  totalDiscountsSet { shopMoney { amount } } totalRefundedSet { shopMoney { amount } } cancelledAt
  refunds { legacyResourceId createdAt totalRefundedSet { shopMoney { amount } } order { id } }
  lineItems(first: 50) { nodes { id sku quantity currentQuantity originalUnitPriceSet { shopMoney { amount } }
    originalTotalSet { shopMoney { amount } } discountAllocations { allocatedAmountSet { shopMoney { amount } } }
    taxLines { rate priceSet { shopMoney { amount } } } } }"""


def amount_of(bag: dict[str, Any]) -> Decimal:
    return Decimal(bag["shopMoney"]["amount"])


def test_the_lines_of_an_order_add_up_to_it_to_the_cent(shared: SandboxHandle) -> None:
    orders = shopify_all(shared, "orders", LINES, size=50)
    for order in orders:
        lines = order["lineItems"]["nodes"]
        discounts = [sum(amount_of(d["allocatedAmountSet"]) for d in line["discountAllocations"]) for line in lines]
        taxes = [sum(amount_of(t["priceSet"]) for t in line["taxLines"]) for line in lines]
        goods = [amount_of(line["originalTotalSet"]) for line in lines]
        assert goods == [amount_of(line["originalUnitPriceSet"]) * line["quantity"] for line in lines]
        assert sum(discounts) == amount_of(order["totalDiscountsSet"])
        assert sum(taxes) == amount_of(order["totalTaxSet"])
        assert sum(goods) - sum(discounts) == amount_of(order["subtotalPriceSet"])
        assert all(0 <= discount <= whole for discount, whole in zip(discounts, goods, strict=True))
        assert all(line["sku"] == line["sku"].upper() != "" for line in lines)
    ids = [line["id"] for order in orders for line in order["lineItems"]["nodes"]]
    assert len(set(ids)) == len(ids) > len(orders)


def test_refunds_add_up_to_what_was_refunded(default_world: Sandbox) -> None:
    with running(sandbox=default_world) as handle:
        orders = [o for o in shopify_all(handle, "orders", LINES, size=50) if o["refunds"]]
    assert len(orders) > 50
    for order in orders:
        assert sum(amount_of(r["totalRefundedSet"]) for r in order["refunds"]) == amount_of(order["totalRefundedSet"]) > 0
        assert {r["order"]["id"] for r in order["refunds"]} == {order["id"]}
    numbers = [r["legacyResourceId"] for order in orders for r in order["refunds"]]
    assert len(set(numbers)) == len(numbers)
    assert any(o["cancelledAt"] for o in orders), "what was paid and cancelled is given back"


def test_a_long_order_is_read_page_by_page(fresh: SandboxHandle) -> None:
    mutation = "mutation($o: OrderCreateOrderInput!) { orderCreate(order: $o) { order { id } userErrors { message } } }"
    price = {"shopMoney": {"amount": "1.10", "currencyCode": "USD"}}
    given = [{"title": f"Thing {n}", "sku": f"T-{n}", "quantity": 1, "priceSet": price} for n in range(300)]
    made = fresh.graphql(mutation, {"o": {"lineItems": given, "email": "long.list@quickmail.example"}})["orderCreate"]["order"][
        "id"
    ]
    query = """query($id: ID!, $after: String) { order(id: $id) { lineItems(first: 130, after: $after) {
      nodes { id sku } pageInfo { hasNextPage endCursor } } } }"""
    skus, after, more = [], None, True
    while more:
        page = fresh.graphql(query, {"id": made, "after": after})["order"]["lineItems"]
        skus += [node["sku"] for node in page["nodes"]]
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    assert skus == [f"T-{n}" for n in range(300)]


def test_visits_that_an_advertisement_paid_for_mostly_bear_a_click_id(shared: SandboxHandle) -> None:
    fields = "customerJourneySummary { lastVisit { landingPage utmParameters { source medium } } }"
    visits = [o["customerJourneySummary"]["lastVisit"] for o in shopify_all(shared, "orders", fields)]
    paid = [v for v in visits if v and v["utmParameters"] and v["utmParameters"]["medium"] == "cpc"]
    marked = [v["landingPage"] for v in paid if "&gclid=" in v["landingPage"]]
    assert 0.75 < len(marked) / len(paid) < 1
    assert len(set(marked)) == len(marked)
    assert not any("clid=" in v["landingPage"] for v in visits if v and v["utmParameters"] is None)


def test_what_is_spread_over_lines_is_spread_whole() -> None:
    shares = [Decimal("10.00"), Decimal("0.01"), Decimal("3.33")]
    for cents in (0, 1, 2, 3, 100, 1333):
        parts = spread(Decimal(cents) / 100, shares)
        assert sum(parts) == Decimal(cents) / 100
        assert all(part >= 0 for part in parts)
    assert spread(Decimal("5"), [Decimal(0), Decimal(0)]) == [Decimal(5), Decimal(0)]
    assert spread(Decimal("5"), []) == []
