"""The Vendure connector against a real Vendure (see vendure_server.js): what is done in the shop arrives, first and later.

Some of these hold Vendure's own habits fast, which the connector is built on: should a later Vendure change them, they tell.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.ecommerce.vendure import VendureConnector
from connectors.extract import stream_of
from hub.contract.errors import ConfigError, CredentialsError
from tests.connectors.conformance.ledger import Ledger
from tests.connectors.staging import stage
from tests.counterparts.vendure_shop import Shop

Connect = Callable[..., VendureConnector]


@pytest.fixture
def shop(vendure: str) -> Shop:
    return Shop(vendure)


@pytest.fixture
def connect(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Connect:
    monkeypatch.setenv("VENDURE_PASSWORD", shop.password)

    def made(**settings: Any) -> VendureConnector:
        way_in = {} if "api_key" in settings else {"username": shop.user, "password": "${VENDURE_PASSWORD}"}
        given = {"type": "vendure", "url": shop.address, **way_in, **settings}
        return VendureConnector("shop", VendureConnector.Settings(**given))

    return made


@pytest.fixture
def customers(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "landing", "customers")


@pytest.fixture
def orders(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "landing", "orders")


def staged(connector: VendureConnector, stream: str, ledger: Ledger, key: str) -> dict[str, list[dict[str, Any]]]:
    """What the mapping makes of a record."""
    payload = ledger.current[key]
    assert payload is not None
    return stage(connector, stream, {key: payload})


def money(minor: int) -> Decimal:
    return Decimal(minor) / 100


# customers -------------------------------------------------------------------------------------------------------


def test_customers_arrive_as_they_are_and_change_as_they_change(shop: Shop, connect: Connect, customers: Ledger) -> None:
    keys = [shop.add_customer(f"Zoë {number}", phoneNumber="+491701234567") for number in range(8)]
    shop.add_address(keys[0], streetLine1="Market Street 1", city="Bath", postalCode="BA1 1AA", defaultBillingAddress=True)
    connector = connect(page_size=3)
    customers.sync(connector)
    assert {key: customers.current[key] for key in keys} == {key: shop.customer(key) for key in keys}

    shop.change_customer(keys[1], firstName="Renamed")
    shop.remove_customer(keys[2])
    new = shop.add_customer("New")
    customers.sync(connector)
    assert {key: customers.current[key] for key in [*keys, new]} == {key: shop.customer(key) for key in [*keys, new]}
    assert customers.current[keys[2]] is None

    (party,) = staged(connector, "customers", customers, keys[0])["party_record"]
    assert (party["given_name"], party["family_name"], party["phone"]) == ("Zoë 0", "Tester", "+491701234567")
    assert (party["address_line1"], party["city"], party["postal_code"]) == ("Market Street 1", "Bath", "BA1 1AA")
    assert party["record_role"] == "customer"


def test_a_sync_with_nothing_new_asks_little_and_adds_no_version(shop: Shop, connect: Connect, customers: Ledger) -> None:
    for number in range(7):
        shop.add_customer(f"Zoë {number}")
    connector = connect()
    customers.sync(connector)
    versions = dict(customers.versions)
    assert customers.sync(connector).api_calls <= 3
    assert customers.versions == versions


def test_customers_deleted_while_their_list_is_read_hide_nobody(shop: Shop, connect: Connect) -> None:
    keys = [shop.add_customer(f"Zoë {number}") for number in range(9)]
    seen: set[str] = set()
    for number, page in enumerate(stream_of(connect(page_size=3), "customers").read(None)):
        seen |= {record.id for record in page.records}
        if keys[1] in seen and shop.customer(keys[0]) is not None:
            shop.remove_customer(keys[0])
            shop.remove_customer(keys[1])
        assert number < 10_000
    assert seen >= set(keys)


def test_an_address_that_changes_moves_no_time_and_arrives_with_a_whole_reading(
    shop: Shop, connect: Connect, customers: Ledger
) -> None:
    key = shop.add_customer("Zoë")
    connector = connect()
    customers.sync(connector)
    before = shop.customer(key)
    shop.add_address(key, streetLine1="Market Street 1")
    after = shop.customer(key)
    assert before is not None
    assert after is not None
    assert after["updatedAt"] == before["updatedAt"], "Vendure tells it now; the connector need not read everything for it"
    customers.sync(connector, full=True)
    assert customers.current[key] == after


def test_vendure_sorts_by_id_before_time_whatever_is_asked_first(shop: Shop) -> None:
    keys = [shop.add_customer(f"Zoë {number}") for number in range(3)]
    shop.change_customer(keys[0], lastName="Later")
    asked = "query { customers(options: { sort: { updatedAt: DESC, id: ASC }, take: 1000 }) { items { id } } }"
    found = [row["id"] for row in shop.call(asked)["customers"]["items"]]
    assert found == sorted(found, key=int)


def test_a_window_holds_what_was_made_or_changed_in_it(shop: Shop, connect: Connect, customers: Ledger) -> None:
    key = shop.add_customer("Zoë")
    connector = connect()
    customers.sync(connector)
    held = shop.customer(key)
    assert held is not None
    moment = datetime.fromisoformat(held["createdAt"])
    checkpoint = customers.checkpoint(connector)
    customers.backfill(connector, moment, moment + timedelta(seconds=1))
    assert key in {row["source_record_id"] for row in customers.rows}
    customers.backfill(connector, moment - timedelta(days=400), moment - timedelta(days=399))
    assert customers.rows == []
    assert customers.checkpoint(connector) == checkpoint


# orders ----------------------------------------------------------------------------------------------------------


def test_orders_arrive_once_they_are_placed_with_the_amounts_that_the_shop_shows(
    shop: Shop, connect: Connect, orders: Ledger
) -> None:
    customer, variant = shop.add_customer("Zoë"), shop.add_variant(1999)
    placed, drafted = shop.place(shop.draft(variant, 2), customer), shop.draft(variant, 1)
    connector = connect()
    orders.sync(connector)
    held, kept = shop.order(placed), orders.current[placed]
    assert kept is not None
    assert drafted not in orders.current
    assert {name: kept[name] for name in ("code", "state", "totalWithTax", "orderPlacedAt")} == {
        name: held[name] for name in ("code", "state", "totalWithTax", "orderPlacedAt")
    }

    rows = staged(connector, "orders", orders, placed)
    (order,), (line,) = rows["customer_order"], rows["order_line"]
    assert (order["party_id"], order["party_stream"], order["status"]) == (customer, "customers", "paid")
    assert (order["order_number"], order["currency"]) == (held["code"], held["currencyCode"])
    assert Decimal(order["gross_amount"]) == money(held["totalWithTax"])
    assert Decimal(order["tax_amount"]) == money(held["totalWithTax"] - held["total"])
    assert Decimal(order["shipping_amount"]) == money(held["shippingWithTax"])
    assert Decimal(line["quantity"]) == 2
    assert (Decimal(line["unit_price"]), Decimal(line["net_amount"])) == (Decimal("19.99"), Decimal("39.98"))
    assert Decimal(line["tax_amount"]) == money(held["lines"][0]["lineTax"])
    assert rows.get("refund", []) == rows.get("party_record", []) == []

    shop.place(drafted, customer)
    orders.sync(connector)
    assert drafted in orders.current


def test_a_refund_moves_no_time_and_arrives_with_a_whole_reading_or_another_change(
    shop: Shop, connect: Connect, orders: Ledger
) -> None:
    placed = shop.place(shop.draft(shop.add_variant(1999), 1), shop.add_customer("Zoë"))
    connector = connect()
    orders.sync(connector)
    before = shop.order(placed)
    given_back = shop.refund(placed, 100)
    shop.settle(given_back)
    assert shop.order(placed)["updatedAt"] == before["updatedAt"], "Vendure tells it now; the connector need not read everything"
    orders.sync(connector, full=True)
    rows = staged(connector, "orders", orders, placed)
    (order,), (refund,) = rows["customer_order"], rows["refund"]
    assert (order["status"], Decimal(order["refund_amount"])) == ("partially_refunded", Decimal("1.00"))
    assert (refund["refund_no"], refund["status"], Decimal(refund["amount"])) == (given_back, "succeeded", Decimal("1.00"))

    shop.cancel(placed)
    orders.sync(connector)
    assert shop.order(placed)["totalWithTax"] == 0
    rows = staged(connector, "orders", orders, placed)
    (order,), (line,) = rows["customer_order"], rows["order_line"]
    assert (order["status"], Decimal(order["gross_amount"])) == ("cancelled", money(before["totalWithTax"]))
    assert Decimal(line["quantity"]) == 1
    assert Decimal(line["net_amount"]) == money(before["lines"][0]["proratedLinePrice"])
    assert Decimal(line["tax_amount"]) == money(before["lines"][0]["lineTax"])


def test_who_orders_without_an_account_is_a_guest(shop: Shop, connect: Connect, customers: Ledger, orders: Ledger) -> None:
    mail = f"guest-{datetime.now(UTC).timestamp()}@example.com"
    placed = shop.place(shop.draft(shop.add_variant(500), 1), firstName="Guest", lastName="Tester", emailAddress=mail)
    connector = connect()
    orders.sync(connector)
    customers.sync(connector)
    (order,) = staged(connector, "orders", orders, placed)["customer_order"]
    (party,) = staged(connector, "customers", customers, order["party_id"])["party_record"]
    assert (party["record_role"], party["email"]) == ("guest", mail)


def test_the_order_of_a_customer_who_was_deleted_still_says_whose_it_was(
    shop: Shop, connect: Connect, customers: Ledger, orders: Ledger
) -> None:
    customer = shop.add_customer("Zoë")
    placed = shop.place(shop.draft(shop.add_variant(500), 1), customer)
    connector = connect()
    customers.sync(connector)
    shop.remove_customer(customer)
    orders.sync(connector)
    customers.sync(connector)
    assert customers.current[customer] is None
    (order,) = staged(connector, "orders", orders, placed)["customer_order"]
    assert (order["party_id"], order["party_stream"]) == (customer, "customers")


# the way in ------------------------------------------------------------------------------------------------------


def test_check_says_what_is_seen(connect: Connect) -> None:
    assert connect().check().startswith("Vendure channel __default_channel__, ")


def test_an_api_key_serves_as_well(shop: Shop, connect: Connect, customers: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    key = shop.add_customer("Zoë")
    monkeypatch.setenv("VENDURE_KEY", shop.add_api_key())
    customers.sync(connect(api_key="${VENDURE_KEY}"))
    assert customers.current[key] == shop.customer(key)
    monkeypatch.setenv("VENDURE_KEY", "no:key")
    with pytest.raises(CredentialsError, match="VENDURE_KEY"):
        customers.sync(connect(api_key="${VENDURE_KEY}"))


def test_a_wrong_password_and_a_missing_right_stop_the_reading(
    shop: Shop, connect: Connect, orders: Ledger, customers: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, password = shop.add_administrator("ReadCustomer")
    monkeypatch.setenv("VENDURE_PASSWORD", "wrong")
    with pytest.raises(CredentialsError, match="INVALID_CREDENTIALS_ERROR"):
        orders.sync(connect(username=name))
    monkeypatch.setenv("VENDURE_PASSWORD", password)
    limited = connect(username=name)
    with pytest.raises(CredentialsError, match=r"FORBIDDEN.*ReadOrder"):
        orders.sync(limited)
    customers.sync(limited)
    assert customers.current


def test_a_session_that_ended_is_opened_again(shop: Shop, connect: Connect, customers: Ledger) -> None:
    connector, key = connect(), shop.add_customer("Zoë")
    customers.sync(connector)
    shop.change_customer(key, firstName="Renamed")
    assert shop.call("mutation { logout { success } }") == {"logout": {"success": True}}  # which ends all sessions of that user
    customers.sync(connector)
    assert customers.current[key] == Shop(shop.address).customer(key)


def test_a_channel_is_read_by_its_token_and_one_that_is_not_there_is_refused(
    shop: Shop, connect: Connect, customers: Ledger, tmp_path: Path
) -> None:
    token, key = shop.add_channel(), shop.add_customer("Zoë")
    customers.sync(connect())
    assert key in customers.current
    of_channel = Ledger(tmp_path / "channel", "customers")
    of_channel.sync(connect(channel=token))
    assert of_channel.current == {}
    with pytest.raises(ConfigError, match="channel"):
        of_channel.sync(connect(channel="nowhere"))
