"""Vendure: what is asked of it and what its fields mean; the shop is that of the conformance suite, true to a real one's habits."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.contract import Deletes, Page
from connectors.ecommerce.vendure import VendureConnector
from connectors.extract import stream_of
from connectors.mapping import parse_mapping
from connectors.registry import connector_class
from hub.contract.columns import TABLES
from hub.contract.errors import ConfigError, CredentialsError, ProtocolError, SourceUnavailableError
from tests.connectors import staging
from tests.connectors.conformance.counterpart import PATIENCE
from tests.connectors.conformance.ledger import Ledger
from tests.connectors.conformance.vendor import body_of
from tests.connectors.conformance.vendure import PASSWORD, USERNAME, Customers
from tests.loopback import Reply, Request

CONFIG: dict[str, Any] = {"type": "vendure", "url": "https://shop.example.com/admin-api", "retry": PATIENCE}
LOGIN = {"username": USERNAME, "password": "${VENDURE_PASSWORD}"}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Customers]:
    monkeypatch.setattr("connectors.http.pause", lambda seconds: None)
    monkeypatch.setenv("VENDURE_PASSWORD", PASSWORD)
    made = Customers(tmp_path, monkeypatch)
    with made.running():
        yield made


def connect(shop: Customers, **fields: Any) -> VendureConnector:
    way_in = {} if "api_key" in fields else LOGIN
    base_url = f"{shop.server.base_url}/admin-api"
    return VendureConnector("shop", VendureConnector.Settings.model_validate({**CONFIG, "base_url": base_url, **way_in, **fields}))


def asked(shop: Customers, query: str) -> list[dict[str, Any]]:
    """The options of all requests of a query so far."""
    bodies = [request.json() for request in shop.server.requests]
    return [body["variables"].get("options", {}) for body in bodies if f"{query}(" in body["query"]]


def time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sell(shop: Customers, key: str, *, at: int | None = None, **fields: Any) -> None:
    moment = time(shop.time if at is None else at)
    shop.orders[key] = {"id": key, "type": "Regular", "createdAt": moment, "updatedAt": moment, "orderPlacedAt": moment, **fields}


def read(connector: VendureConnector, stream: str, checkpoint: Any = None) -> list[Page]:
    # a checkpoint is kept as JSON between readings
    return list(stream_of(connector, stream).read(checkpoint and json.loads(json.dumps(checkpoint))))


def ids(pages: list[Page]) -> list[str]:
    return [record.id for page in pages for record in page.records]


# settings and the way in -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"username": "hub"},
        {"password": "${P}"},
        {**LOGIN, "api_key": "${K}"},
        {**LOGIN, "url": "http://shop.example.com/admin-api"},
        {**LOGIN, "url": "shop.example.com"},
        {**LOGIN, "url": "https://user:secret@shop.example.com/admin-api"},
        {"username": "hub", "password": "in clear text"},
        {**LOGIN, "page_size": 1},
        {**LOGIN, "lookback_seconds": 0},
        {**LOGIN, "channel": "two words"},
        {**LOGIN, "token": "x"},
    ],
)
def test_settings_that_cannot_be_right_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        connector_class("vendure").Settings.model_validate({**CONFIG, **fields})


def test_a_password_never_goes_over_the_net_in_clear_text() -> None:
    given = VendureConnector.Settings.model_validate({**CONFIG, **LOGIN, "base_url": "http://shop.example.com/admin-api"})
    with pytest.raises(ConfigError, match="clear text"):
        VendureConnector("shop", given).check()


def test_who_logs_in_does_so_once_and_is_known_by_the_session(shop: Customers) -> None:
    shop.put()
    connector = connect(shop)
    read(connector, "customers")
    read(connector, "orders")
    login, *others = shop.server.requests
    assert "mutation Login(" in login.json()["query"]
    assert login.json()["variables"] == {"username": USERNAME, "password": PASSWORD}
    assert {request.headers["authorization"] for request in others} == {"Bearer session-1"}


def test_an_api_key_and_a_channel_are_sent_with_each_request(shop: Customers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDURE_KEY", "id:secret")
    shop.before.append(lambda request: Reply({"data": {"customers": {"items": [], "totalItems": 0}}}))
    read(connect(shop, api_key="${VENDURE_KEY}", channel="wholesale"), "customers")
    assert {request.headers["vendure-api-key"] for request in shop.server.requests} == {"id:secret"}
    assert {request.headers["vendure-token"] for request in shop.server.requests} == {"wholesale"}
    assert all("authorization" not in request.headers for request in shop.server.requests)


def test_a_wrong_password_is_told_with_its_variable_and_without_itself(shop: Customers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDURE_PASSWORD", "swordfish")
    with pytest.raises(CredentialsError, match=r"INVALID_CREDENTIALS_ERROR.*VENDURE_PASSWORD") as caught:
        read(connect(shop), "customers")
    assert "swordfish" not in str(caught.value)
    assert len(shop.server.requests) == 1


def test_a_login_that_fails_for_a_while_is_tried_again_and_later_anew(shop: Customers) -> None:
    shop.put()
    down = [True] * 5

    def refuse(request: Request) -> Reply | None:
        return Reply({}, 503) if shop.is_token(request) and down and down.pop() else None

    shop.before.append(refuse)
    connector = connect(shop)
    with pytest.raises(SourceUnavailableError):
        read(connector, "customers")
    assert ids(read(connector, "customers")) == ["1"]


def test_a_session_that_ended_is_opened_again_in_mid_reading(shop: Customers) -> None:
    for _ in range(5):
        shop.put()
    connector, seen = connect(shop, page_size=2), list[str]()
    for page in stream_of(connector, "customers").read(None):
        seen += [record.id for record in page.records]
        shop.end_access()
    assert seen == ["1", "2", "3", "4", "5"]


def test_a_connector_that_was_closed_logs_in_anew(shop: Customers) -> None:
    shop.put()
    connector = connect(shop)
    read(connector, "customers")
    before = connector.calls()
    connector.close()
    shop.end_access()
    assert ids(read(connector, "customers")) == ["1"]
    assert connector.calls() > before


@pytest.mark.parametrize(
    ("code", "error", "says"),
    [
        ("FORBIDDEN", CredentialsError, "ReadCustomer"),
        ("CHANNEL_NOT_FOUND", ConfigError, "field channel"),
        ("USER_INPUT_ERROR", ProtocolError, "USER_INPUT_ERROR"),
    ],
)
def test_what_vendure_refuses_is_told_by_its_code_and_where(shop: Customers, code: str, error: type[Exception], says: str) -> None:
    refusal = {"errors": [{"message": "about zoe@example.com", "extensions": {"code": code}}], "data": None}
    shop.before.append(lambda request: Reply(refusal))
    with pytest.raises(error, match=says) as caught:
        read(connect(shop), "customers")
    assert str(caught.value).startswith("shop/customers")
    assert "zoe@" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [[], {}, {"data": {}}, {"data": {"customers": {"items": []}}}, {"data": {"customers": {"items": {}, "totalItems": 1}}}],
)
def test_an_answer_that_is_no_list_is_an_error(shop: Customers, answer: Any) -> None:
    shop.before.append(lambda request: None if shop.is_token(request) else Reply(answer))
    with pytest.raises(ProtocolError, match="shop/customers"):
        read(connect(shop), "customers")


def test_check_tells_the_channel_and_how_much_is_seen(shop: Customers) -> None:
    counts = {"orders": {"totalItems": 5}, "customers": {"totalItems": 7}}
    said = Reply({"data": {"activeChannel": {"code": "europe"}, **counts}})
    shop.before.append(lambda request: said if "query Check" in request.json()["query"] else None)
    assert connect(shop).check() == "Vendure channel europe, 5 orders, 7 customers"


# reading ---------------------------------------------------------------------------------------------------------


def test_facts_come_before_the_customers_and_say_how_deletions_are_learnt(shop: Customers) -> None:
    assert [(s.name, s.kind, s.deletes) for s in connect(shop).streams()] == [
        ("orders", "order", Deletes.SNAPSHOT),
        ("customers", "party", Deletes.SNAPSHOT),
    ]
    assert [s.deletes for s in connect(shop, reread_days=0).streams()] == [Deletes.NONE, Deletes.SNAPSHOT]


def test_an_order_is_read_once_it_is_placed_and_the_parts_of_one_never_beside_the_whole(shop: Customers) -> None:
    sell(shop, "1")
    sell(shop, "2", orderPlacedAt=None)
    sell(shop, "3", type="Aggregate")
    sell(shop, "4", type="Seller")
    pages = read(connect(shop), "orders")
    assert ids(pages) == ["1", "3"]
    assert {record.payload["_precision"] for page in pages for record in page.records} == {2}
    assert ids(read(connect(shop, channel="seller-1"), "orders")) == ["1", "3", "4"]


def test_later_readings_ask_for_what_changed_with_a_look_back(shop: Customers) -> None:
    sell(shop, "0", at=shop.time - 1_000)
    sell(shop, "1")
    connector = connect(shop, lookback_seconds=60)
    (page,) = read(connector, "orders")
    assert page.begins
    assert page.checkpoint["since"] == time(shop.time)
    began = shop.time
    shop.tick(1_000)
    sell(shop, "2")
    (page,) = read(connector, "orders", page.checkpoint)
    assert not page.begins
    assert ids([page]) == ["1", "2"]
    assert page.checkpoint["since"] == time(shop.time)
    newest, changed = asked(shop, "query Orders")[-2:]
    assert newest["sort"] == {"updatedAt": "DESC"}
    assert changed["filter"]["updatedAt"] == {"after": time(began - 60)}
    assert changed["sort"] == {"id": "ASC"}


def test_a_sync_with_nothing_new_costs_two_requests_for_orders_and_three_for_customers(shop: Customers) -> None:
    shop.put()
    sell(shop, "1")
    connector = connect(shop)
    marks = {stream: read(connector, stream)[-1].checkpoint for stream in ("orders", "customers")}
    for stream, requests in (("orders", 2), ("customers", 3)):
        before = len(shop.server.requests)
        read(connector, stream, marks[stream])
        assert len(shop.server.requests) - before == requests


def test_a_shop_without_anything_is_read_and_read_again(shop: Customers) -> None:
    connector = connect(shop)
    (page,) = read(connector, "customers")
    assert page.records == []
    shop.put()
    assert ids(read(connector, "customers", page.checkpoint)) == ["1"]


def test_everything_is_read_again_when_the_days_are_over(shop: Customers) -> None:
    sell(shop, "1")
    for reread_days, again in ((7, False), (1, True), (0, False)):
        connector = connect(shop, reread_days=reread_days)
        checkpoint = dict(read(connector, "orders")[-1].checkpoint)
        two_days_ago = datetime.now(UTC) - timedelta(days=2)
        (page,) = read(connector, "orders", {**checkpoint, "whole": two_days_ago.isoformat()})
        assert page.begins is again


def test_all_customers_are_read_where_one_of_those_made_before_is_gone_or_came_in_from_elsewhere(
    shop: Customers, tmp_path: Path
) -> None:
    ledger, connector = Ledger(tmp_path / "landing", "customers"), connect(shop, reread_days=0)
    stays, goes = shop.put(), shop.put()
    shop.tick(1_000)
    ledger.sync(connector)
    shop.remove(goes)
    shop.put()
    shop.tick(1_000)
    ledger.sync(connector)
    assert ledger.current[goes] is None
    shop.put(ago=50_000)  # one of another channel is let into ours: nothing of it changes
    shop.tick()
    ledger.sync(connector)
    assert {key for key, payload in ledger.current.items() if payload} == set(shop.marks)
    assert stays in shop.marks
    begun = [options for options in asked(shop, "query Customers") if options["filter"] == {} and "id" in options["sort"]]
    assert len(begun) == 3


def test_a_window_asks_for_what_was_made_or_changed_in_it(shop: Customers) -> None:
    since = datetime.fromtimestamp(shop.time, UTC)
    placed, changed = {"updatedAt": time(shop.time + 9_000)}, {"orderPlacedAt": time(shop.time - 9_000)}
    sell(shop, "1")
    sell(shop, "2", createdAt=time(shop.time - 9_000), **placed)
    sell(shop, "3", **changed)
    sell(shop, "4", at=shop.time + 60)
    sell(shop, "5", at=shop.time - 1)
    window = stream_of(connect(shop, page_size=2), "orders").window
    assert window is not None
    assert ids(list(window(since, since + timedelta(seconds=60)))) == ["1", "2", "3"]


def test_a_record_without_an_id_is_rejected_and_not_dropped(shop: Customers) -> None:
    shop.put()

    def spoil(request: Request, reply: Reply) -> Reply:
        if shop.is_page(request):
            body = body_of(reply)
            del body["data"]["customers"]["items"][0]["id"]
            return Reply(body)
        return reply

    shop.after.append(spoil)
    (page,) = read(connect(shop), "customers")
    assert page.records == []
    (reject,) = page.rejects
    assert "Mark 0001" in reject.content
    assert "Mark" not in reject.reason + reject.where


def test_a_proxy_that_answers_from_memory_is_an_error_and_no_end(shop: Customers) -> None:
    for _ in range(7):
        shop.put()
    kept: list[Reply] = []

    def remember(request: Request, reply: Reply) -> Reply:
        if not shop.is_page(request):
            return reply
        kept.append(reply)
        return kept[0]

    shop.after.append(remember)
    with pytest.raises(ProtocolError, match="same page"):
        read(connect(shop, page_size=3), "customers")


def test_a_shop_that_shows_times_to_come_is_warned_of(shop: Customers, caplog: pytest.LogCaptureFixture) -> None:
    ahead = int(datetime.now(UTC).timestamp()) + 5 * 3_600
    sell(shop, "1", at=ahead)
    with caplog.at_level(logging.WARNING):
        (page,) = read(connect(shop), "orders")
    assert "TZ=UTC" in caplog.text
    assert page.checkpoint["since"] < time(ahead)


# mapping ---------------------------------------------------------------------------------------------------------


def mapped(stream: str, table: str, *payloads: dict[str, Any]) -> list[dict[str, Any]]:
    """What the mapping makes of orders and customers."""
    return staging.mapped(VendureConnector("shop", None), stream, table, *payloads, key="id")


def address(**changes: Any) -> dict[str, Any]:
    place = {"fullName": "Zoë Müller", "company": None, "streetLine1": "Hauptstraße 1", "streetLine2": "", "city": "Berlin"}
    return {**place, "province": "BE", "postalCode": "10115", "phoneNumber": "+4930901820", **changes}


def line(key: str, **changes: Any) -> dict[str, Any]:
    prices = {"unitPrice": 1999, "proratedUnitPrice": 1799, "proratedLinePrice": 3598, "lineTax": 720, "taxRate": 20}
    variant = {"id": "9", "sku": "PAN-28", "name": "Pfanne 28 cm"}
    return {"id": key, "quantity": 2, "orderPlacedQuantity": 2, **prices, "productVariant": variant, **changes}


def payment(amount: Any = 4818, state: str = "Settled", **changes: Any) -> dict[str, Any]:
    return {"id": "p", "amount": amount, "state": state, "refunds": [], **changes}


def back(key: str, total: Any, state: str = "Settled") -> dict[str, Any]:
    return {"id": key, "createdAt": "2026-09-22T10:00:00.000Z", "total": total, "state": state}


def order(key: str = "1", **changes: Any) -> dict[str, Any]:
    times = {"createdAt": "2026-09-21T09:00:00.000Z", "orderPlacedAt": "2026-09-21T09:30:00.500Z"}
    sums = {"total": 4098, "totalWithTax": 4818, "shippingWithTax": 500, "discounts": [{"amountWithTax": -480}]}
    who = {"customer": {"id": "77"}, "billingAddress": address(countryCode="DE"), "shippingAddress": {}}
    how = {"code": "ABC", "state": "PaymentSettled", "currencyCode": "EUR", "_precision": 2}
    return {"id": key, **times, **sums, **who, **how, "lines": [line("5")], "payments": [payment()], **changes}


def customer(key: str = "77", **changes: Any) -> dict[str, Any]:
    names = {"firstName": "Zoë", "lastName": "Müller", "phoneNumber": "", "emailAddress": "zoe@example.com"}
    billing = {**address(company="Müller GmbH", country={"code": "DE"}), "defaultBillingAddress": True}
    other = {**address(city="Potsdam", country={"code": "DE"}), "defaultBillingAddress": False, "defaultShippingAddress": True}
    when = {"createdAt": "2026-09-21T09:00:00.000Z"}
    return {"id": key, **when, **names, "user": {"id": "3", "verified": True}, "addresses": [other, billing], **changes}


def test_the_mapping_yields_canonical_columns_only() -> None:
    blocks = parse_mapping(VendureConnector("shop", None).mapping())
    assert [(b.stream, b.table) for b in blocks] == [
        ("orders", "customer_order"),
        ("orders", "order_line"),
        ("orders", "refund"),
        ("customers", "party_record"),
        ("orders", "party_record"),
    ]
    nobodys = order(customer=None, payments=[payment(refunds=[back("8", 1)])])
    for block in blocks:
        (row,) = mapped(block.stream, block.table, customer() if block.stream == "customers" else nobodys)
        assert [name for name in row if name != "source_record_id" and TABLES[block.table].column(name) is None] == []


def test_an_order_is_mapped_in_major_units_to_its_customer() -> None:
    (row,) = mapped("orders", "customer_order", order())
    amounts = {name: Decimal(row.pop(name)) for name in list(row) if name.endswith("_amount")}
    assert amounts == {
        "gross_amount": Decimal("48.18"),
        "discount_amount": Decimal("4.80"),
        "tax_amount": Decimal("7.20"),
        "shipping_amount": Decimal("5.00"),
        "refund_amount": Decimal(0),
    }
    assert row == {
        "source_record_id": "1",
        "party_id": "77",
        "party_stream": "customers",
        "order_number": "ABC",
        "ordered_at": "2026-09-21T09:30:00.500Z",
        "status": "paid",
        "currency": "EUR",
        "created_at": "2026-09-21T09:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("changes", "gross"),
    [
        ({"currencyCode": "JPY", "_precision": 0}, "4818"),
        ({"currencyCode": "JPY"}, "48.18"),  # the digits are the shop's, for every currency alike
        ({"currencyCode": "KWD", "_precision": 3}, "4.818"),
        ({"payments": [payment(3000), payment(1818, "Authorized"), payment(4818, "Declined")]}, "48.18"),
        ({"payments": [payment(4818, "Cancelled")], "totalWithTax": 0}, "0"),
        ({"payments": []}, "48.18"),
        ({"payments": None}, "48.18"),
        ({"totalWithTax": 0, "state": "Cancelled"}, "48.18"),
        ({"payments": [payment(999_999_999_999)]}, "9999999999.99"),
    ],
)
def test_what_was_charged_is_what_was_paid(changes: dict[str, Any], gross: str) -> None:
    (row,) = mapped("orders", "customer_order", order(**changes))
    assert Decimal(row["gross_amount"]) == Decimal(gross)


@pytest.mark.parametrize(
    "changes",
    [
        {"_precision": None},
        {"_precision": 9},
        {"_precision": -1},
        {"_precision": "two"},
        {"payments": [payment(1), payment("much")]},
    ],
)
def test_an_amount_that_cannot_be_brought_to_major_units_is_never_another_amount(changes: dict[str, Any]) -> None:
    (row,) = mapped("orders", "customer_order", order(**changes))
    assert row["gross_amount"] == "4818 in units that cannot be read"


def test_any_amount_in_units_that_nobody_told_says_so_and_is_not_left_out() -> None:
    payload = order(_precision=None, payments=[payment(refunds=[back("8", 5)])])
    for table in ("customer_order", "order_line", "refund"):
        (row,) = mapped("orders", table, payload)
        amounts = {name: row[name] for name in row if TABLES[table].column(name) and name.endswith(("amount", "price"))}
        assert len(amounts) >= 1
        assert all("cannot be read" in said for said in amounts.values()), amounts


@pytest.mark.parametrize(
    ("state", "returned", "status"),
    [
        ("PaymentAuthorized", [], "open"),
        ("ArrangingAdditionalPayment", [], "open"),
        ("Modifying", [], "open"),
        ("PaymentSettled", [], "paid"),
        ("Shipped", [], "paid"),
        ("Delivered", [back("8", 100)], "partially_refunded"),
        ("Delivered", [back("8", 4818, "Failed")], "paid"),
        ("Delivered", [back("8", 4000), back("9", 818, "Pending")], "refunded"),
        ("Cancelled", [back("8", 4818)], "cancelled"),
        ("OnHold", [], "OnHold"),
    ],
)
def test_order_status(state: str, returned: list[Any], status: str) -> None:
    (row,) = mapped("orders", "customer_order", order(state=state, payments=[payment(refunds=returned)]))
    assert row["status"] == status


def test_a_line_is_mapped_as_it_was_ordered_also_when_it_was_cancelled_since() -> None:
    gone = line("6", quantity=0, proratedLinePrice=0, lineTax=0)
    more = line("7", quantity=3, orderPlacedQuantity=2, proratedLinePrice=5397, lineTax=1079)
    rows = {row["line_no"]: row for row in mapped("orders", "order_line", order(lines=[line("5"), gone, more]))}
    for key in ("5", "6"):
        assert Decimal(rows[key]["quantity"]) == 2
        assert (Decimal(rows[key]["net_amount"]), Decimal(rows[key]["tax_amount"])) == (Decimal("35.98"), Decimal("7.20"))
    assert (Decimal(rows["7"]["quantity"]), Decimal(rows["7"]["net_amount"])) == (3, Decimal("53.97"))
    assert (rows["5"]["order_id"], rows["5"]["party_id"], rows["5"]["sku"]) == ("1", "77", "PAN-28")
    assert (rows["5"]["product_name"], Decimal(rows["5"]["unit_price"])) == ("Pfanne 28 cm", Decimal("19.99"))


def test_each_refund_is_mapped_with_its_own_time_and_state() -> None:
    payments = [payment(refunds=[back("8", 100)]), payment(refunds=[back("9", 5, "Pending"), back("10", "much", "Failed")])]
    rows = {row["refund_no"]: row for row in mapped("orders", "refund", order(payments=payments))}
    assert {key: row["status"] for key, row in rows.items()} == {"8": "succeeded", "9": "pending", "10": "failed"}
    assert [Decimal(rows[key]["amount"]) for key in ("8", "9")] == [Decimal("1.00"), Decimal("0.05")]
    assert rows["10"]["amount"] == "much in units that cannot be read"
    assert rows["8"]["refunded_at"] == "2026-09-22T10:00:00.000Z"
    assert {(row["order_id"], row["party_id"], row["refund_type"]) for row in rows.values()} == {("1", "77", "refund")}


@pytest.mark.parametrize("nothing", [None, [], "x", 7, [None], [{}]])
def test_an_order_without_lines_or_payments_is_still_an_order(nothing: Any) -> None:
    payload = order(lines=nothing, payments=nothing, discounts=nothing)
    (row,) = mapped("orders", "customer_order", payload)
    assert Decimal(row["gross_amount"]) == Decimal("48.18")
    assert mapped("orders", "refund", payload) == []


def test_a_customer_is_a_party_with_the_address_that_bills_go_to() -> None:
    assert mapped("customers", "party_record", customer()) == [
        {
            "source_record_id": "77",
            "record_role": "customer",
            "given_name": "Zoë",
            "family_name": "Müller",
            "company_name": "Müller GmbH",
            "email": "zoe@example.com",
            "email_verified": "true",
            "phone": "+4930901820",
            "address_line1": "Hauptstraße 1",
            "address_line2": None,
            "city": "Berlin",
            "region": "BE",
            "postal_code": "10115",
            "country": "DE",
            "created_at": "2026-09-21T09:00:00.000Z",
        }
    ]


def test_a_customer_without_a_user_is_a_guest_and_without_a_bill_lives_where_goods_go() -> None:
    ships = {**address(city="Potsdam"), "defaultBillingAddress": False, "defaultShippingAddress": True}
    plain = {**address(city="Bath"), "defaultBillingAddress": None, "defaultShippingAddress": None}
    guest = customer("1", user=None, addresses=[plain, ships], phoneNumber="+491701234567")
    rows = mapped("customers", "party_record", guest, customer("2", addresses=[plain]), customer("3", addresses=[]))
    assert [(row["record_role"], row["city"]) for row in rows] == [("guest", "Potsdam"), ("customer", "Bath"), ("customer", None)]
    assert rows[0]["phone"] == "+491701234567"
    assert rows[0]["email_verified"] is None


def test_an_order_without_a_customer_is_its_own_party_if_it_names_anybody() -> None:
    nobody = order("3", customer=None, billingAddress=None, shippingAddress={"fullName": None})
    shipped = order("2", customer=None, billingAddress={}, shippingAddress=address(city="Potsdam", countryCode="DE"))
    rows = mapped("orders", "party_record", order("1"), shipped, nobody)
    (party,) = rows
    assert (party["source_record_id"], party["record_role"], party["full_name"]) == ("2", "guest", "Zoë Müller")
    assert (party["city"], party["country"], party["phone"]) == ("Potsdam", "DE", "+4930901820")
    (fact,) = mapped("orders", "customer_order", shipped)
    assert (fact["party_id"], fact["party_stream"]) == ("2", "orders")
