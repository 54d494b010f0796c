"""WooCommerce: how it is read, and what its fields mean; the shop is the sandbox's, true to what was measured of a real one."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.contract import Checkpoint, Deletes, Page, Record
from connectors.ecommerce import woocommerce
from connectors.ecommerce.woocommerce import WooCommerceConnector, WooCommerceSettings
from connectors.extract import stream_of
from connectors.registry import connector_class
from connectors.sandbox import Sandbox
from connectors.sandbox.wire import Call
from connectors.sandbox.woocommerce import SYSTEM
from connectors.sandbox.woocommerce.api import WooApi
from connectors.sandbox.woocommerce.books import WooBooks
from hub.contract.errors import ConfigError, CredentialsError, ProtocolError, SourceUnavailableError
from tests.connectors import staging
from tests.connectors.conformance.ledger import Ledger
from tests.connectors.conformance.vendor import reply_of
from tests.loopback import Loopback, Reply, Request, serve

NOW = 1_790_000_000  # unix seconds
ORDERS = "/wp-json/wc/v3/orders"
LINE = {"name": "Canvas tote", "product_id": 101, "sku": "SG-001", "quantity": 2}
PRICE = {"subtotal": Decimal("38.00"), "total": Decimal("34.20"), "tax": Decimal("3.42")}


def utc(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


class Shop:
    """A shop without orders or customers but its staff, whose clock we turn. ``faults`` may answer instead of it."""

    server: Loopback

    def __init__(self) -> None:
        self.time = NOW
        self.sandbox = Sandbox(7, 1, today=utc(NOW).date(), real_clock=lambda: float(self.time))
        self.sandbox.clock.set(float(NOW))
        self.books: WooBooks = self.sandbox.world.books["woocommerce"]
        for order in list(self.books.orders):
            self.books.erase_order(NOW, str(order["id"]))
        for customer in [c for c in self.books.customers if c["role"] == "customer"]:
            self.books.delete_customer(NOW, str(customer["id"]))
        self.api = WooApi(self.sandbox)
        self.faults: list[Callable[[Request], Reply | None]] = []

    def __call__(self, request: Request) -> Reply:
        for fault in list(self.faults):
            reply = fault(request)
            if reply is not None:
                return reply
        query = tuple((name, value) for name, values in request.query.items() for value in values)
        return reply_of(self.api.answer(Call(request.method, request.path, query, request.headers, request.body, "http://shop")))

    def order(self, *, at: int | None = None, **fields: Any) -> str:
        base = {"customer": 0, "billing": {"email": "ann@quickmail.example"}, "lines": [{**LINE, **PRICE}], "status": "completed"}
        return str(self.books.add_order(self.time if at is None else at, {**base, **fields})["id"])

    def customer(self, email: str) -> str:
        return str(self.books.add_customer(self.time, {"email": email})["id"])

    def asked(self, *, fields: bool = False) -> list[Request]:
        """Requests for pages of orders so far, without those for single fields."""
        return [r for r in self.server.requests if r.path == ORDERS and (fields or "_fields" not in r.query)]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    for name, value in SYSTEM.env.items():
        monkeypatch.setenv(name, value)
    made = Shop()
    with serve(made) as made.server:
        yield made


CONFIG: dict[str, Any] = {
    "type": "woocommerce",
    "url": "https://shop.example.com",
    "consumer_key": "${WOOCOMMERCE_KEY}",
    "consumer_secret": "${WOOCOMMERCE_SECRET}",
    "per_page": 3,
    "lookback_seconds": 60,
    "retry": {"attempts": 3, "backoff_seconds": 0, "timeout_seconds": 5},
}


def connect(shop: Shop, **fields: Any) -> WooCommerceConnector:
    config = {**CONFIG, "base_url": shop.server.base_url, **fields}
    return WooCommerceConnector("shop", WooCommerceSettings.model_validate(config))


@pytest.fixture
def woo(shop: Shop) -> Iterator[WooCommerceConnector]:
    connector = connect(shop)
    yield connector
    connector.close()


def pages(connector: WooCommerceConnector, stream: str = "orders", checkpoint: Checkpoint | None = None) -> list[Page]:
    # a checkpoint is kept as JSON between readings
    kept = None if checkpoint is None else json.loads(json.dumps(checkpoint))
    return list(stream_of(connector, stream).read(kept))


def records(found: list[Page]) -> list[Record]:
    return [record for page in found for record in page.records]


def ops(found: list[Page]) -> list[tuple[str, str]]:
    return [(record.id, record.op) for record in records(found)]


# orders ------------------------------------------------------------------------------------------------------------


def test_the_registry_knows_it() -> None:
    assert connector_class("woocommerce") is WooCommerceConnector


def test_orders_come_before_customers_and_say_how_deletes_are_learnt(shop: Shop, woo: WooCommerceConnector) -> None:
    told = [(s.name, s.kind, s.cursor_field, s.deletes) for s in woo.streams()]
    snapshot = Deletes.SNAPSHOT
    assert told == [("orders", "order", "date_modified_gmt", snapshot), ("customers", "party", None, snapshot)]
    assert stream_of(connect(shop, reread_days=0), "orders").deletes is Deletes.FEED


def test_a_first_reading_brings_every_order_as_sent(shop: Shop, woo: WooCommerceConnector) -> None:
    made = []
    for _ in range(7):
        made.append(shop.order())
        shop.time += 10
    found = pages(woo)
    assert ops(found) == [(key, "upsert") for key in made]
    assert records(found)[0].payload["billing"]["email"] == "ann@quickmail.example"
    assert records(found)[0].payload["line_items"][0]["price"] == Decimal("17.1")
    assert records(found)[-1].updated_at == utc(NOW + 60)
    assert [page.begins for page in found] == [True, False, False]
    assert [r.query["offset"] for r in shop.asked()] == [["0"], ["2"], ["4"]]
    assert all(r.query["orderby"] == ["id"] and r.query["order"] == ["asc"] and r.query["per_page"] == ["3"] for r in shop.asked())
    assert found[-1].checkpoint["since"] == "2026-09-21T14:14:20Z"


def test_the_next_reading_asks_for_changes_only_and_looks_back(shop: Shop, woo: WooCommerceConnector) -> None:
    old = shop.order(at=NOW - 1_000)
    same_second = shop.order()
    checkpoint = pages(woo)[-1].checkpoint
    shop.server.requests.clear()
    again = pages(woo, checkpoint=checkpoint)
    assert ops(again) == [(same_second, "upsert")]
    changed, trashed = shop.asked(), [r for r in shop.asked(fields=True) if r.query.get("status") == ["trash"]]
    assert len(changed) == len(trashed) == 1
    for request in (*changed, *trashed):
        assert request.query["modified_after"] == ["2026-09-21T14:12:20"], "60 seconds before, in UTC and without a zone"
        assert request.query["dates_are_gmt"] == ["true"]
    assert again[-1].checkpoint == checkpoint
    assert all(not page.begins for page in again)
    shop.time += 500
    shop.books.update_order(shop.time, old, {"status": "refunded"})
    assert ops(pages(woo, checkpoint=checkpoint)) == [(old, "upsert"), (same_second, "upsert")]


def test_orders_that_change_while_we_read_come_with_the_next_reading(shop: Shop, woo: WooCommerceConnector) -> None:
    """Whatever our clock says: the watermark is what the shop itself knew when the reading began."""
    made = [shop.order() for _ in range(6)]
    acted = []

    def meanwhile(request: Request) -> None:
        if request.query.get("offset") == ["2"] and not acted:
            acted.append(shop.time)
            shop.time += 1_000
            for key in (made[0], made[5]):
                shop.books.update_order(shop.time, key, {"status": "on-hold"})

    shop.faults.append(meanwhile)
    first = pages(woo)
    assert acted
    assert {record.id: record.payload["status"] for record in records(first)} == dict.fromkeys(made[:5], "completed") | {
        made[5]: "on-hold"
    }
    statuses = {record.id: record.payload["status"] for record in records(pages(woo, checkpoint=first[-1].checkpoint))}
    assert statuses[made[0]] == statuses[made[5]] == "on-hold"


def test_a_trashed_order_is_a_delete_and_a_restored_one_is_back(shop: Shop, woo: WooCommerceConnector, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "orders")
    stays, goes = shop.order(), shop.order()
    ledger.sync(woo)
    shop.time += 100
    shop.books.trash_order(shop.time, goes)
    ledger.sync(woo)
    assert [(row["source_record_id"], row["op"]) for row in ledger.rows if row["op"] == "delete"] == [(goes, "delete")]
    assert ledger.current[goes] is None
    assert ledger.current[stays] is not None
    shop.time += 100
    shop.books.update_order(shop.time, goes, {"status": "completed"})
    ledger.sync(woo)
    assert ledger.current[goes] is not None


def test_what_was_trashed_before_we_first_read_is_never_seen(shop: Shop, woo: WooCommerceConnector) -> None:
    shop.books.trash_order(shop.time, shop.order())
    kept = shop.order()
    assert ops(pages(woo)) == [(kept, "upsert")]


def test_an_order_deleted_for_good_shows_when_all_are_read_again(
    shop: Shop, woo: WooCommerceConnector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path, "orders")
    stays, goes, refunded = shop.order(), shop.order(), shop.order()
    number = str(shop.books.add_refund(shop.time, refunded, Decimal("1.00"), "")["id"])
    newest = shop.order(at=shop.time + 1_000)  # so that the others lie before the look-back
    ledger.sync(woo)
    shop.time += 1_000
    shop.books.erase_order(shop.time, goes)
    shop.books.delete_refund(shop.time, refunded, number)
    ledger.sync(woo)
    assert ledger.current[goes] is not None, "nothing told of it"
    assert ledger.current[refunded]["refunds"] != []  # type: ignore[index]
    a_week_on(monkeypatch)
    ledger.sync(woo)
    assert ledger.current[goes] is None
    assert ledger.current[refunded]["refunds"] == []  # type: ignore[index]
    assert {key for key, payload in ledger.current.items() if payload} == {stays, refunded, newest}
    asked = len(shop.asked())
    ledger.sync(woo)
    assert "modified_after" in shop.asked()[asked].query, "and from there on changes again"


def test_all_orders_are_never_read_again_where_that_is_switched_off(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = connect(shop, reread_days=0)
    shop.order()
    checkpoint = pages(connector)[-1].checkpoint
    a_week_on(monkeypatch)
    assert not any(page.begins for page in pages(connector, checkpoint=checkpoint))
    connector.close()


def a_week_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Later:
            return super().now(tz) + timedelta(days=7, minutes=1)

    monkeypatch.setattr(woocommerce, "datetime", Later)


def test_a_shop_without_orders_is_read_in_whole_each_time_until_it_has_some(shop: Shop, woo: WooCommerceConnector) -> None:
    first = pages(woo)
    assert [(page.records, page.begins) for page in first] == [([], True)]
    made = shop.order()
    assert ops(pages(woo, checkpoint=first[-1].checkpoint)) == [(made, "upsert")]


def test_a_change_dated_ahead_does_not_stop_the_watermark_before_today(shop: Shop, woo: WooCommerceConnector) -> None:
    shop.order(at=4_000_000_000)
    since = datetime.fromisoformat(pages(woo)[-1].checkpoint["since"])
    assert since <= datetime.now(UTC)


def test_a_window_holds_what_was_made_changed_or_trashed_in_it(shop: Shop, woo: WooCommerceConnector) -> None:
    before, made, edge = shop.order(at=NOW - 1), shop.order(at=NOW), shop.order(at=NOW + 100)
    changed_later = shop.order(at=NOW + 5)
    shop.books.update_order(NOW + 10_000, changed_later, {"status": "refunded"})
    changed = shop.order(at=NOW - 5_000)
    shop.books.update_order(NOW + 99, changed, {"status": "refunded"})
    trashed = shop.order(at=NOW - 4_000)
    shop.books.trash_order(NOW + 50, trashed)
    window = stream_of(woo, "orders").window
    assert window is not None
    found = ops(list(window(utc(NOW), utc(NOW + 100))))
    assert dict(found) == {made: "upsert", changed_later: "upsert", changed: "upsert", trashed: "delete"}
    assert before not in dict(found)
    assert edge not in dict(found)
    half_a_second = list(window(utc(NOW), utc(NOW + 100) + timedelta(milliseconds=500)))
    assert edge in dict(ops(half_a_second))


# refunds -----------------------------------------------------------------------------------------------------------


def refunded_orders(shop: Shop, count: int = 2) -> list[str]:
    made = [shop.order() for _ in range(count)]
    for key in made:
        shop.books.add_refund(NOW + 10, key, Decimal("1.00"), "damaged")
        shop.books.add_refund(NOW + 20, key, Decimal("2.00"), "")
    return made


def refund_dates(found: list[Page]) -> dict[str, list[str]]:
    return {record.id: [r["date_created_gmt"] for r in record.payload.get("_refunds", ())] for record in records(found)}


def refund_paths(shop: Shop) -> list[str]:
    return [r.path.removeprefix("/wp-json/wc/v3") for r in shop.server.requests if r.path.endswith("/refunds")]


def test_the_refunds_of_a_page_come_with_one_request(shop: Shop, woo: WooCommerceConnector) -> None:
    plain = shop.order()
    made = refunded_orders(shop)
    dates = ["2026-09-21T14:13:40", "2026-09-21T14:13:30"]
    assert refund_dates(pages(woo)) == {plain: [], made[0]: dates, made[1]: dates}
    assert refund_paths(shop) == ["/refunds"]


def test_an_older_shop_is_asked_order_by_order_and_says_the_same(shop: Shop, woo: WooCommerceConnector) -> None:
    made = refunded_orders(shop, 4)
    at_once = records(pages(woo))
    shop.server.requests.clear()
    missing = Reply({"code": "rest_no_route", "message": "No route", "data": {"status": 404}}, 404)
    shop.faults.append(lambda r: missing if r.path == "/wp-json/wc/v3/refunds" else None)
    assert records(pages(woo)) == at_once
    assert refund_paths(shop) == ["/refunds", *(f"/orders/{key}/refunds" for key in made)]


def test_a_refund_we_may_not_read_costs_its_date_and_not_the_reading(
    shop: Shop, woo: WooCommerceConnector, caplog: pytest.LogCaptureFixture
) -> None:
    made = refunded_orders(shop, 3)

    def refuse(request: Request) -> Reply | None:
        if request.path == "/wp-json/wc/v3/refunds":
            return Reply({"code": "woocommerce_rest_cannot_view"}, 403)
        return Reply({"code": "gone"}, 404) if request.path == f"{ORDERS}/{made[1]}/refunds" else None

    shop.faults.append(refuse)
    with caplog.at_level(logging.WARNING):
        found = pages(woo)
    assert {key: len(dates) for key, dates in refund_dates(found).items()} == {made[0]: 2, made[1]: 0, made[2]: 2}
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING] == [
        "shop/orders: of 2 refunds the date could not be read"
    ]


def test_a_key_that_is_withdrawn_meanwhile_ends_the_reading(shop: Shop, woo: WooCommerceConnector) -> None:
    refunded_orders(shop)
    shop.faults.append(lambda r: Reply({"code": "x"}, 401) if r.path.endswith("/refunds") else None)
    with pytest.raises(CredentialsError, match="shop/orders: 401"):
        pages(woo)


# customers ---------------------------------------------------------------------------------------------------------


def test_customers_are_read_whole_each_time_whatever_their_role(shop: Shop, woo: WooCommerceConnector) -> None:
    made = [shop.customer(f"c{n}@quickmail.example") for n in range(5)]
    first = pages(woo, "customers")
    assert [record.id for record in records(first)] == ["1", "2", *made]
    assert [page.begins for page in first] == [True, False, False]
    again = pages(woo, "customers", first[-1].checkpoint)
    assert records(again) == records(first)
    assert again[0].begins
    assert all(r.query["role"] == ["all"] for r in shop.server.requests)


def test_a_customer_who_is_gone_is_absent_and_one_who_moves_up_a_page_is_not(
    shop: Shop, woo: WooCommerceConnector, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path, "customers")
    made = [shop.customer(f"c{n}@quickmail.example") for n in range(8)]
    ledger.sync(woo)
    acted = []

    def meanwhile(request: Request) -> None:
        if request.query.get("offset") == ["2"] and not acted:
            acted.append(True)
            shop.books.delete_customer(shop.time, made[0])
            shop.customer("new@quickmail.example")

    shop.faults.append(meanwhile)
    ledger.sync(woo)
    assert acted
    assert {key for key, payload in ledger.current.items() if payload} >= set(made[1:])
    ledger.sync(woo)
    assert ledger.current[made[0]] is None
    assert {key for key, payload in ledger.current.items() if payload} == {str(c["id"]) for c in shop.books.customers}


# trouble -----------------------------------------------------------------------------------------------------------


def test_check_says_whose_shop_it_is_in_one_call(shop: Shop, woo: WooCommerceConnector) -> None:
    shop.order()
    assert woo.check() == f"WooCommerce at {shop.server.base_url.removeprefix('http://')}, 1 orders"
    assert woo.calls() == (1, 0)


def test_a_site_without_woocommerce_or_pretty_links_is_named(shop: Shop, woo: WooCommerceConnector) -> None:
    shop.faults.append(lambda r: Reply(b"<html>not found</html>", 404))
    with pytest.raises(ProtocolError, match=r"no WooCommerce at /wp-json/wc/v3; check url, and that WordPress uses permalinks"):
        woo.check()


@pytest.mark.parametrize("stream", ["orders", "customers"])
def test_a_wrong_key_stops_at_once_and_is_not_shown(shop: Shop, monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    monkeypatch.setenv("WOOCOMMERCE_SECRET", "cs_wrong_one")
    with pytest.raises(CredentialsError, match=rf"shop/{stream}: 401.*WOOCOMMERCE_KEY and WOOCOMMERCE_SECRET") as caught:
        pages(connect(shop), stream)
    assert "cs_wrong_one" not in str(caught.value)
    assert len(shop.server.requests) == 1


def test_a_missing_variable_is_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WOOCOMMERCE_KEY")
    with pytest.raises(ConfigError, match="WOOCOMMERCE_KEY is not set"):
        pages(connect(shop))


@pytest.mark.parametrize(("status", "headers"), [(429, {"retry-after": "0"}), (429, {}), (503, {}), (500, {})])
def test_passing_trouble_passes(shop: Shop, woo: WooCommerceConnector, status: int, headers: dict[str, str]) -> None:
    shop.order()
    trouble = [Reply(b"<html>busy</html>", status, headers)] * 2
    shop.faults.append(lambda r: trouble.pop() if trouble else None)
    assert len(records(pages(woo))) == 1
    assert woo.calls()[1] == 2


def test_500_for_ever_is_reported(shop: Shop, woo: WooCommerceConnector) -> None:
    shop.faults.append(lambda r: Reply({}, 500))
    with pytest.raises(SourceUnavailableError, match=r"^shop/orders: answered 500"):
        pages(woo)


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        (Reply({"orders": []}, headers={"x-wp-total": "1"}), "the answer is no list; check url"),
        (Reply([{"id": 1}]), "the answer is no list with its length; .*X-WP-Total"),
        (Reply([{"id": 2}, {"id": 1}], headers={"x-wp-total": "2"}), "not in order of ID"),
    ],
)
def test_an_answer_that_breaks_the_rules_is_reported(shop: Shop, woo: WooCommerceConnector, reply: Reply, what: str) -> None:
    shop.faults.append(lambda r: reply)
    with pytest.raises(ProtocolError, match=rf"^shop/customers: .*{what}"):
        pages(woo, "customers")


def test_what_has_no_id_is_rejected_and_not_dropped(shop: Shop, woo: WooCommerceConnector) -> None:
    rows = [{"id": 5, "email": "a@b.example"}, {"email": "c@d.example"}, 17]
    shop.faults.append(lambda r: Reply(rows, headers={"x-wp-total": "3"}))
    (page,) = pages(woo, "customers")
    assert [record.id for record in page.records] == ["5"]
    assert [(reject.content, reject.reason) for reject in page.rejects] == [
        ('{"email": "c@d.example"}', "it has no field id"),
        ("17", "it has no field id"),
    ]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://shop.example.com/", "https://shop.example.com"),
        ("https://example.com/shop", "https://example.com/shop"),
        ("https://example.com/shop/wp-json/wc/v3/", "https://example.com/shop"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
    ],
)
def test_the_url_is_the_shops(given: str, read: str) -> None:
    assert WooCommerceSettings.model_validate({**CONFIG, "url": given}).url == read


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("url", "http://shop.example.com", "https://"),
        ("url", "shop.example.com", "must be the shop's address"),
        ("url", "https://ck:cs@shop.example.com", "must be the shop's address"),
        ("consumer_key", "ck_123", "must be given as"),
        ("per_page", 101, "100"),
        ("per_page", 1, "2"),
        ("lookback_seconds", 0, "2"),
        ("reread_days", -1, "0"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(field: str, value: Any, what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        WooCommerceSettings.model_validate({**CONFIG, field: value})


def test_a_key_never_goes_over_the_net_in_clear_text(shop: Shop) -> None:
    with pytest.raises(ConfigError, match="shop field base_url: the key would be sent in clear text; let it begin with https"):
        connect(shop, base_url="http://shop.example.com").check()


# mapping -----------------------------------------------------------------------------------------------------------


def mapped(stream: str, table: str, *payloads: Any) -> list[dict[str, str]]:
    """What the mapping makes of orders and customers, without what is NULL or empty."""
    connector = WooCommerceConnector("s", WooCommerceSettings.model_validate(CONFIG))
    rows = staging.told(staging.mapped(connector, stream, table, *payloads, key="id"))
    return [{name: value for name, value in row.items() if value} for row in rows]


ADDRESS = {"first_name": "Zoë", "last_name": "Müller", "company": "Müller GmbH", "address_1": "Hauptstr. 1", "address_2": "",
           "city": "Berlin", "state": "DE-BE", "postcode": "10115", "country": "DE"}  # fmt: skip
NOBODY = dict.fromkeys(ADDRESS, "")


def an_order(**fields: Any) -> dict[str, Any]:
    return {
        "id": 1742,
        "status": "completed",
        "currency": "EUR",
        "number": "S-1742",
        "date_created_gmt": "2026-03-29T00:59:59",
        "date_modified_gmt": "2026-03-30T08:00:00",
        "discount_total": "3.80",
        "shipping_total": "6.90",
        "total": "47.60",
        "total_tax": "6.50",
        "customer_id": 77,
        "billing": {**ADDRESS, "email": "zoe@quickmail.example", "phone": "+49 30 901820"},
        "shipping": {**ADDRESS, "city": "Potsdam", "phone": ""},
        "meta_data": [],
        "refunds": [],
        "line_items": [
            {"id": 9, "sku": "SG-001", "name": "Tragetasche – groß", "quantity": 3, "price": 11.4, "subtotal": "38.00",
             "total": "34.20", "total_tax": "6.50"},
            {"id": 10, "sku": None, "name": "Gruß", "quantity": 1, "price": 0, "subtotal": "0.00", "total": "0.00",
             "total_tax": "0.00"},
        ],
        **fields,
    }  # fmt: skip


def test_an_order_is_its_customers() -> None:
    assert mapped("orders", "customer_order", an_order()) == [
        {
            "source_record_id": "1742",
            "party_id": "77",
            "party_stream": "customers",
            "order_number": "S-1742",
            "ordered_at": "2026-03-29T00:59:59Z",
            "status": "paid",
            "currency": "EUR",
            "gross_amount": "47.60",
            "discount_amount": "3.80",
            "tax_amount": "6.50",
            "shipping_amount": "6.90",
            "refund_amount": "0.0000",
            "created_at": "2026-03-29T00:59:59Z",
        }
    ]


@pytest.mark.parametrize(
    ("said", "refunds", "canonical"),
    [
        ("pending", [], "open"),
        ("on-hold", [], "open"),
        ("processing", [], "paid"),
        ("completed", [], "paid"),
        ("completed", ["-7.60"], "partially_refunded"),
        ("completed", ["-7.60", "-40.00"], "refunded"),
        ("refunded", ["-47.60"], "refunded"),
        ("cancelled", [], "cancelled"),
        ("failed", [], "cancelled"),
        ("wholesale-approved", [], "wholesale-approved"),
    ],
)
def test_every_status_has_its_canonical_word(said: str, refunds: list[str], canonical: str) -> None:
    given = [{"id": n, "reason": "", "total": total} for n, total in enumerate(refunds, 1)]
    (row,) = mapped("orders", "customer_order", an_order(status=said, refunds=given))
    assert row["status"] == canonical
    assert Decimal(row["refund_amount"]) == -sum(map(Decimal, refunds), Decimal(0))


@pytest.mark.parametrize("table", ["customer_order", "order_line", "refund", "party_record"])
@pytest.mark.parametrize("status", ["checkout-draft", "auto-draft"])
def test_a_basket_nobody_ordered_is_no_order(table: str, status: str) -> None:
    refunds = [{"id": 1, "total": "-1.00"}]
    assert mapped("orders", table, an_order(customer_id=0, refunds=refunds)) != []
    assert mapped("orders", table, an_order(customer_id=0, refunds=refunds, status=status)) == []


def test_an_order_in_yen_says_what_the_shop_says() -> None:
    (row,) = mapped("orders", "customer_order", an_order(currency="JPY", total="12.34"))
    assert (row["currency"], row["gross_amount"]) == ("JPY", "12.34")


def attribution(**noted: Any) -> list[dict[str, Any]]:
    return [{"id": n, "key": f"_wc_order_attribution_{key}", "value": value} for n, (key, value) in enumerate(noted.items())]


def test_where_a_visit_came_from_is_taken_from_the_order_attribution() -> None:
    page = "https://shop.example/?utm_source=google&gclid=Cj0%2BKC_a&x=1#top"
    noted = attribution(
        source_type="utm",
        referrer="https://www.google.com/",
        utm_source="google",
        utm_medium="cpc",
        utm_campaign="Herbst",
        utm_content="blau",
        utm_term="tasche",
        session_entry=page,
    )
    (row,) = mapped("orders", "customer_order", an_order(meta_data=[{"id": 5, "key": "is_vat_exempt", "value": "no"}, *noted]))
    names = ("landing_url", "referrer_url", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
    assert [row[name] for name in names] == [page, "https://www.google.com/", "google", "cpc", "Herbst", "blau", "tasche"]
    assert (row["click_id_type"], row["click_id"]) == ("gclid", "Cj0+KC_a")


def test_a_visit_that_came_from_nowhere_has_no_source() -> None:
    noted = attribution(source_type="typein", utm_source="(direct)", utm_medium="(none)", session_entry="https://shop.example/")
    (row,) = mapped("orders", "customer_order", an_order(meta_data=noted))
    assert row.keys() & {"utm_source", "utm_medium", "click_id", "click_id_type", "referrer_url"} == set()
    assert row["landing_url"] == "https://shop.example/"


@pytest.mark.parametrize("meta", [None, {}, "x", [1], [{"key": 1, "value": {"a": [1]}}], [{"key": "a"}]])
def test_meta_data_of_any_shape_hurts_nobody(meta: Any) -> None:
    (row,) = mapped("orders", "customer_order", an_order(meta_data=meta))
    assert row["gross_amount"] == "47.60"


def test_every_item_is_a_line() -> None:
    owner = {"source_record_id": "1742", "party_id": "77", "party_stream": "customers", "order_id": "1742", "currency": "EUR"}
    created = {"created_at": "2026-03-29T00:59:59Z"}
    assert mapped("orders", "order_line", an_order(), an_order(id=2, line_items=None)) == [
        {**owner, "line_no": "9", "sku": "SG-001", "product_name": "Tragetasche – groß", "quantity": "3", "unit_price": "11.4",
         "net_amount": "34.20", "tax_amount": "6.50", **created},
        {**owner, "line_no": "10", "product_name": "Gruß", "quantity": "1", "unit_price": "0", "net_amount": "0.00",
         "tax_amount": "0.00", **created},
    ]  # fmt: skip


def test_a_refund_is_dated_by_its_own_list() -> None:
    given = [{"id": 31, "reason": "broken, call Ann", "total": "-5.00"}, {"id": 30, "reason": "", "total": "-1.10"}]
    dated = [{"id": 30, "date_created_gmt": "2026-04-01T07:00:00"}]
    first, second = mapped("orders", "refund", an_order(customer_id=0, refunds=given, _refunds=dated))
    shared = {"source_record_id": "1742", "party_id": "1742", "party_stream": "orders", "order_id": "1742", "currency": "EUR"}
    assert first == {**shared, "refund_no": "31", "refund_type": "refund", "status": "succeeded", "amount": "5.00"}
    assert second["refunded_at"] == "2026-04-01T07:00:00Z"
    assert (second["refund_no"], second["amount"]) == ("30", "1.10")


def test_a_guest_is_the_order_they_placed() -> None:
    guest = an_order(customer_id=0)
    (order,) = mapped("orders", "customer_order", guest)
    assert (order["party_id"], order["party_stream"]) == ("1742", "orders")
    assert mapped("orders", "party_record", guest, an_order(id=2)) == [
        {
            "source_record_id": "1742",
            "record_role": "guest",
            "given_name": "Zoë",
            "family_name": "Müller",
            "company_name": "Müller GmbH",
            "email": "zoe@quickmail.example",
            "phone": "+49 30 901820",
            "address_line1": "Hauptstr. 1",
            "city": "Berlin",
            "region": "DE-BE",
            "postal_code": "10115",
            "country": "DE",
            "created_at": "2026-03-29T00:59:59Z",
        }
    ]


def test_an_order_that_names_nobody_is_nobodys() -> None:
    blank = an_order(customer_id=0, billing={**NOBODY, "country": "DE", "email": "", "phone": ""}, shipping=NOBODY)
    assert mapped("orders", "party_record", blank) == []
    assert "party_id" not in mapped("orders", "customer_order", blank)[0]


def test_a_guest_who_gave_a_delivery_address_only_is_taken_from_that() -> None:
    billing = {**NOBODY, "email": "zoe@quickmail.example", "phone": ""}
    given = an_order(customer_id=0, billing=billing, shipping={**ADDRESS, "phone": "+49 30 1"})
    (row,) = mapped("orders", "party_record", given)
    assert (row["given_name"], row["city"], row["phone"], row["country"]) == ("Zoë", "Berlin", "+49 30 1", "DE")


def a_customer(**fields: Any) -> dict[str, Any]:
    return {
        "id": 77,
        "role": "customer",
        "email": "zoe@quickmail.example",
        "first_name": "Zoë",
        "last_name": "Müller",
        "date_created_gmt": "2026-01-02T03:04:05",
        "billing": {**ADDRESS, "email": "", "phone": "+49 30 901820"},
        "shipping": {**NOBODY, "phone": ""},
        **fields,
    }


def test_a_customer_becomes_a_party() -> None:
    (row,) = mapped("customers", "party_record", a_customer())
    assert row == {
        "source_record_id": "77",
        "record_role": "customer",
        "given_name": "Zoë",
        "family_name": "Müller",
        "company_name": "Müller GmbH",
        "email": "zoe@quickmail.example",
        "phone": "+49 30 901820",
        "address_line1": "Hauptstr. 1",
        "city": "Berlin",
        "region": "DE-BE",
        "postal_code": "10115",
        "country": "DE",
        "created_at": "2026-01-02T03:04:05Z",
    }


def test_a_name_and_an_address_are_taken_whole_from_one_place() -> None:
    billing = {**NOBODY, "first_name": "Z.", "country": "FR", "email": "", "phone": ""}
    (row,) = mapped("customers", "party_record", a_customer(first_name="", last_name="", billing=billing, shipping=ADDRESS))
    assert row["given_name"] == "Z."
    assert "family_name" not in row
    assert (row["city"], row["country"]) == ("Berlin", "DE")


@pytest.mark.parametrize(
    ("role", "rows"), [("customer", 1), ("subscriber", 1), ("editor", 1), (None, 1), ("administrator", 0), ("shop_manager", 0)]
)
def test_those_who_run_the_shop_are_no_customers(role: str | None, rows: int) -> None:
    assert len(mapped("customers", "party_record", a_customer(role=role))) == rows


# the sandbox and the truth -----------------------------------------------------------------------------------------


def test_over_several_days_what_we_hold_is_what_the_shop_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in SYSTEM.env.items():
        monkeypatch.setenv(name, value)
    sandbox = Sandbox(11, 400, today=date(2026, 9, 20))
    api, books = WooApi(sandbox), sandbox.world.books["woocommerce"]

    def answer(request: Request) -> Reply:
        query = tuple((name, value) for name, values in request.query.items() for value in values)
        return reply_of(api.answer(Call(request.method, request.path, query, request.headers, request.body, "http://shop")))

    orders, customers = Ledger(tmp_path / "o", "orders"), Ledger(tmp_path / "c", "customers")
    with serve(answer) as server:
        connector = WooCommerceConnector(
            "woocommerce", WooCommerceSettings.model_validate({**CONFIG, "per_page": 100, "base_url": server.base_url})
        )
        for _day in range(4):
            orders.sync(connector)
            customers.sync(connector)
            live = {str(o["id"]): o["status"] for o in books.orders if o["status"] != "trash"}
            assert {key: payload["status"] for key, payload in orders.current.items() if payload} == live
            assert {key for key, payload in customers.current.items() if payload} == {str(c["id"]) for c in books.customers}
            sandbox.advance()
        connector.close()
    trashed = [o for o in books.orders if o["status"] == "trash"]
    assert trashed, "some day brought a deletion"
    refunded = [payload for payload in orders.current.values() if payload and payload["refunds"]]
    assert refunded
    assert all(len(payload["_refunds"]) == len(payload["refunds"]) for payload in refunded)


def test_the_parties_we_map_are_those_of_the_truth(monkeypatch: pytest.MonkeyPatch, shop: Shop) -> None:
    sandbox = Sandbox(11, 400, today=date(2026, 9, 20))
    sandbox.advance(2)
    shop.sandbox, shop.api = sandbox, WooApi(sandbox)
    connector = connect(shop, per_page=100)
    found = set()
    for stream in ("orders", "customers"):
        payloads = [record.payload for record in records(pages(connector, stream))]
        plain = json.loads(json.dumps(payloads, default=float))
        found |= {(stream, row["source_record_id"]) for row in mapped(stream, "party_record", *plain)}
    connector.close()
    truth = {(stream, key) for system, stream, key, _ in sandbox.world.truth() if system == "woocommerce"}
    assert len(truth) > 80
    assert found == truth


# the real shop's own word ------------------------------------------------------------------------------------------

RECORDED = ["woocommerce_11.0.1_recorded.json", "woocommerce_11.0.1_recorded_hpos.json"]


@pytest.mark.parametrize("name", RECORDED)
def test_answers_recorded_from_a_real_shop_are_read_and_mapped(
    specs: Path, shop: Shop, woo: WooCommerceConnector, name: str
) -> None:
    recorded = json.loads((specs / name).read_text(encoding="utf-8"))
    lists = {kind: sorted(rows, key=lambda row: row["id"]) for kind, rows in recorded.items()}

    def answer(request: Request) -> Reply:
        rows = lists[request.path.rpartition("/")[2]]
        start, size = int(request.query.get("offset", ["0"])[0]), int(request.query["per_page"][0])
        return Reply(rows[start : start + size], headers={"x-wp-total": str(len(rows))})

    shop.faults.append(answer)
    for kind, rows in lists.items():
        read = records(pages(woo, kind))
        assert [record.id for record in read] == [str(row["id"]) for row in rows]
        assert all(
            record.updated_at == datetime.fromisoformat(row["date_modified_gmt"]).replace(tzinfo=UTC)
            for record, row in zip(read, rows, strict=True)
        )
    orders = {row["source_record_id"]: row for row in mapped("orders", "customer_order", *lists["orders"])}
    yen = next(row for row in lists["orders"] if row["currency"] == "JPY")
    assert orders[str(yen["id"])]["gross_amount"] == "12.34"
    assert [row["party_stream"] for row in orders.values()].count("orders") == sum(not o["customer_id"] for o in lists["orders"])
    assert len(mapped("orders", "order_line", *lists["orders"])) == sum(len(o["line_items"]) for o in lists["orders"])
    guests = mapped("orders", "party_record", *lists["orders"])
    assert {row["email"] for row in guests} == {o["billing"]["email"] for o in lists["orders"] if not o["customer_id"]}
    (ann,) = [row for row in mapped("customers", "party_record", *lists["customers"]) if row.get("email") == "ann@example.com"]
    assert (ann["given_name"], ann["phone"], ann["address_line1"]) == ("Ann", "+15551234", "1 Main")
