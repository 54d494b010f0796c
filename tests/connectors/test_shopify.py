"""The Shopify connector against a shop that pages, filters, throttles and fails as Shopify documents it."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.contract import Deletes, Page, Record, RetrySettings, Secret
from connectors.ecommerce import shopify
from connectors.ecommerce.shopify import ShopifyConnector, ShopifySettings
from connectors.extract import extract_stream, stream_of
from connectors.landing import StreamLanding
from connectors.mapping import parse_mapping
from connectors.registry import connector_class
from hub.contract.columns import TABLES
from hub.contract.errors import ConfigError, CredentialsError, ProtocolError, SourceUnavailableError
from tests.connectors import staging
from tests.loopback import Loopback, Reply, Request, serve

TOKEN = "shpat_0123456789"
PATH = "/admin/api/2026-10/graphql.json"
ADDRESS = {
    "firstName": "Zoë",
    "lastName": "Müller",
    "company": "Müller GmbH",
    "phone": "+49 30 901820",
    "address1": "Hauptstraße 1",
    "address2": None,
    "city": "Berlin",
    "provinceCode": "BE",
    "zip": "10115",
    "countryCodeV2": "DE",
}


def money(amount: str, currency: str = "EUR") -> dict[str, Any]:
    return {
        "shopMoney": {"amount": amount, "currencyCode": currency},
        "presentmentMoney": {"amount": amount, "currencyCode": "USD"},
    }


def visit(page: str) -> dict[str, Any]:
    utm = {"source": "google", "medium": "cpc", "campaign": "autumn", "term": None, "content": None}
    at = "2026-11-19T09:00:00Z"
    return {"occurredAt": at, "landingPage": page, "referrerUrl": "https://www.google.com/", "utmParameters": utm}


def shop_money(amount: str, currency: str = "EUR") -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}


def line(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/LineItem/{number}",
        "sku": "PAN-28",
        "name": "Pfanne - 28 cm",
        "quantity": 3,
        "currentQuantity": 2,
        "originalUnitPriceSet": shop_money("33.33"),
        "originalTotalSet": shop_money("99.99"),
        "discountAllocations": [
            {"allocatedAmountSet": shop_money("3.33")},
            {"allocatedAmountSet": shop_money("6.67")},
        ],
        "taxLines": [{"title": "MwSt", "rate": 0.25, "priceSet": shop_money("17.10")}],
        **changes,
    }


def refund(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Refund/{number}",
        "legacyResourceId": str(number),
        "createdAt": at(20),
        "processedAt": at(10),
        "totalRefundedSet": money("5.00"),
        **changes,
    }


def at(second: int) -> str:
    return datetime.fromtimestamp(1_795_000_000 + second, UTC).isoformat().replace("+00:00", "Z")


def order(number: int, updated: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Order/{number}",
        "legacyResourceId": str(number),
        "name": f"#{number}",
        "createdAt": at(0),
        "processedAt": at(0),
        "updatedAt": at(updated),
        "cancelledAt": None,
        "test": False,
        "email": "zoe@example.com",
        "phone": None,
        "customerLocale": "de-DE",
        "currencyCode": "EUR",
        "taxesIncluded": False,
        "displayFinancialStatus": "PAID",
        "customer": {"legacyResourceId": "77"},
        "billingAddress": dict(ADDRESS),
        "shippingAddress": {**ADDRESS, "city": "Potsdam"},
        "totalPriceSet": money("119.00"),
        "currentTotalPriceSet": money("119.00"),
        "totalDiscountsSet": money("10.00"),
        "totalTaxSet": money("19.00"),
        "totalShippingPriceSet": money("4.90"),
        "totalRefundedSet": money("0.00"),
        "customerJourneySummary": {
            "firstVisit": visit("https://acme.example/?gclid=abc"),
            "lastVisit": visit("https://acme.example/sale"),
        },
        "lineItems": {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [line(number * 100)]},
        "refunds": [],
        **changes,
    }


def kept(node: dict[str, Any]) -> dict[str, Any]:
    """An order as it becomes a payload: all its lines, and no word of where they were cut."""
    return {**node, "lineItems": {"nodes": node["lineItems"]["nodes"]}}


def customer(number: int, updated: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Customer/{number}",
        "legacyResourceId": str(number),
        "createdAt": at(0),
        "updatedAt": at(updated),
        "firstName": "Zoë",
        "lastName": "Müller",
        "locale": "de",
        "tags": ["vip"],
        "verifiedEmail": True,
        "defaultEmailAddress": {
            "emailAddress": "zoe@example.com",
            "marketingState": "SUBSCRIBED",
            "marketingOptInLevel": "SINGLE_OPT_IN",
            "marketingUpdatedAt": at(0),
        },
        "defaultPhoneNumber": {
            "phoneNumber": "+4930901820",
            "smsMarketingConsent": {"state": "SUBSCRIBED", "optInLevel": None, "updatedAt": at(0)},
        },
        "defaultAddress": dict(ADDRESS),
        **changes,
    }


def event(number: int, created: int, subject: str = "ORDER", action: str = "destroy", of: int = 1) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/BasicEvent/{number}",
        "action": action,
        "createdAt": at(created),
        "subjectId": f"gid://shopify/{subject.title()}/{of}",
        "subjectType": subject,
    }


def refused(code: str, message: str = "no", **extensions: Any) -> Reply:
    return Reply({"errors": [{"message": message, "extensions": {"code": code, **extensions}}]})


class Shop:
    """A shop behind the Admin API: strict about address, token and page size; pages by keyset, as Shopify does."""

    def __init__(self, orders: list[dict[str, Any]] | None = None, customers: list[dict[str, Any]] | None = None) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {"orders": orders or [], "customers": customers or [], "events": []}
        self.asked: list[dict[str, Any]] = []  # the variables of every query that was answered
        self.script: list[Callable[[], Reply | None]] = []  # what happens to the next requests before the shop sees them
        self.version = "2026-10"
        self.heeds_search = True
        self.lines: dict[int, list[dict[str, Any]]] = {}  # of orders that have more than come with them

    def __call__(self, request: Request) -> Reply:
        reply = self.script.pop(0)() if self.script else None
        reply = reply or self._answer(request)
        reply.headers.setdefault("X-Shopify-API-Version", self.version)
        return reply

    def _answer(self, request: Request) -> Reply:
        if (request.method, request.path) != ("POST", PATH) or request.headers["content-type"] != "application/json":
            return Reply({"errors": "Not Found"}, status=404)
        if request.headers.get("x-shopify-access-token") != TOKEN:
            return Reply({"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}, status=401)
        body = request.json()
        field = re.search(r"\{\s*(orders|customers|events|shop|order)\b", body["query"])
        assert field is not None
        if field[1] == "order":
            return self._more_lines(**body["variables"])
        if field[1] == "shop":
            return Reply({"data": {"shop": {"name": "Acme"}}})
        if not 1 <= body["variables"]["first"] <= 250:
            return refused("BAD_REQUEST", "first must be between 1 and 250")
        self.asked.append({"field": field[1], **body["variables"]})
        return Reply({"data": {field[1]: self._page(field[1], **body["variables"])}})

    def _more_lines(self, id: str, first: int, after: str) -> Reply:
        self.asked.append({"field": "order", "first": first, "after": after})
        number = int(id.rpartition("/")[2])
        if number not in self.lines:
            return Reply({"data": {"order": None}})
        start = int(after)
        nodes = self.lines[number][start : start + first]
        more = start + first < len(self.lines[number])
        page = {"pageInfo": {"hasNextPage": more, "endCursor": str(start + len(nodes))}, "nodes": nodes}
        return Reply({"data": {"order": {"lineItems": page}}})

    def _page(self, field: str, first: int, after: str | None, query: str | None) -> dict[str, Any]:
        clock = "createdAt" if field == "events" else "updatedAt"

        def place(row: dict[str, Any]) -> list[Any]:
            return [row[clock], int(row["id"].rpartition("/")[2])]

        rows = sorted((row for row in self.tables[field] if self._found(row, query)), key=place)
        if after:
            rows = [row for row in rows if place(row) > json.loads(base64.b64decode(after))["last"]]
        page = rows[:first]
        cursor = base64.b64encode(json.dumps({"last": place(page[-1])}).encode()).decode() if page else None
        return {"pageInfo": {"hasNextPage": len(rows) > first, "endCursor": cursor}, "nodes": page}

    def _found(self, row: dict[str, Any], query: str | None) -> bool:
        terms = [re.fullmatch(r"(\w+):(>=|<=)?'?([^']+)'?", term) for term in (query or "").split(" AND ") if term]
        columns = {"updated_at": "updatedAt", "created_at": "createdAt", "action": "action", "subject_type": "subjectType"}
        for term in terms:
            assert term is not None, f"search syntax: {query}"
            value = row[columns[term[1]]]
            fits = {">=": value >= term[3], "<=": value <= term[3], None: value == term[3]}
            if self.heeds_search and not fits[term[2]]:
                return False
        return True


class Door:
    """One server for all tests here, whichever shop they open: starting and stopping one takes half a second."""

    server: Loopback
    shop: Shop


@pytest.fixture(scope="module", autouse=True)
def _door() -> Iterator[None]:
    with serve(lambda request: Door.shop(request)) as Door.server:
        yield


@contextmanager
def connected(shop: Shop, token: str = TOKEN, **options: Any) -> Iterator[ShopifyConnector]:
    Door.shop = shop
    retry = RetrySettings(attempts=3, backoff_seconds=0)
    secret = Secret(f"${{SHOPIFY_TEST_TOKEN:-{token}}}")
    config = ShopifySettings(
        type="shopify", shop="acme", access_token=secret, base_url=Door.server.base_url, retry=retry, **options
    )
    connector = ShopifyConnector("shop", config)
    yield connector
    connector.close()


def read(connector: ShopifyConnector, stream: str = "orders", checkpoint: Any = None) -> list[Page]:
    return list(stream_of(connector, stream).read(checkpoint))


def records(pages: list[Page]) -> list[Record]:
    return [record for page in pages for record in page.records]


def ids(pages: list[Page]) -> list[str]:
    return [record.id for record in records(pages)]


def says(reply: Reply) -> Callable[[], Reply]:
    return lambda: reply


def waits(caplog: pytest.LogCaptureFixture) -> list[float]:
    return [record.args[1] for record in caplog.records if "waiting" in record.msg]  # type: ignore[index,misc]


# reading ---------------------------------------------------------------------------------------------------------


def test_first_read_brings_every_order_as_sent_and_the_newest_change_as_watermark() -> None:
    shop = Shop([order(n, updated=n) for n in range(1, 6)])
    with connected(shop, page_size=2) as connector:
        pages = read(connector)
    assert ids(pages) == ["1", "2", "3", "4", "5"]
    assert records(pages)[2].payload == kept(order(3, updated=3))
    assert records(pages)[2].updated_at == datetime.fromisoformat(at(3))
    assert pages[-1].checkpoint == {"since": at(5), "deleted_since": None}
    assert [q["query"] for q in shop.asked if q["field"] == "orders"] == [None, None, None]


def test_both_streams_are_declared_facts_first_with_a_feed_of_deletions() -> None:
    with connected(Shop(customers=[customer(77)])) as connector:
        assert [(s.name, s.kind, s.deletes) for s in connector.streams()] == [
            ("orders", "order", Deletes.FEED),
            ("customers", "party", Deletes.FEED),
        ]
        assert ids(read(connector, "customers")) == ["77"]
        assert connector.calls() == (2, 0)  # a page of customers, a page of deletions


def test_next_read_finds_changes_in_the_second_of_the_watermark_and_those_the_index_showed_late() -> None:
    shop = Shop([order(n, updated=1000) for n in (1, 2)] + [order(3, updated=10)])
    with connected(shop, lookback_seconds=60) as connector:
        checkpoint = read(connector)[-1].checkpoint
        shop.tables["orders"] += [order(4, updated=1000), order(5, updated=950)]
        again = read(connector, checkpoint=checkpoint)
    assert set(ids(again)) == {"1", "2", "4", "5"}  # and not 3, which lies before the look-back
    assert again[-1].checkpoint == checkpoint


def test_a_row_that_changes_while_we_read_comes_again_and_none_is_lost() -> None:
    shop = Shop([order(n, updated=n) for n in range(1, 7)])

    def change_the_first() -> None:
        shop.tables["orders"][0] = order(1, updated=50, displayFinancialStatus="REFUNDED")

    shop.script = [lambda: None, change_the_first]
    with connected(shop, page_size=2) as connector:
        pages = read(connector)
    assert ids(pages) == ["1", "2", "3", "4", "5", "6", "1"]
    assert records(pages)[-1].payload["displayFinancialStatus"] == "REFUNDED"
    assert pages[-1].checkpoint["since"] == at(50)


def test_the_watermark_does_not_pass_the_moment_the_reading_began(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shopify, "_now", lambda: datetime.fromisoformat(at(3)))
    with connected(Shop([order(n, updated=n) for n in range(1, 7)]), page_size=2) as connector:
        whole = read(connector)
        monkeypatch.setattr(shopify, "_now", lambda: datetime.fromisoformat(at(100)))
        resumed = read(connector, checkpoint=whole[0].checkpoint)
    assert {**whole[0].checkpoint, "after": "-"} == {
        "since": None,
        "after": "-",
        "high": at(2),
        "began": at(3),
        "deleted_since": None,
    }
    assert whole[-1].checkpoint["since"] == at(3)
    assert resumed[-1].checkpoint["since"] == at(3)  # it began with the reading that broke off


def test_an_empty_page_in_the_middle_does_not_end_the_reading() -> None:
    shop = Shop([order(n, updated=n) for n in range(1, 5)])
    cursor = base64.b64encode(json.dumps({"last": [at(2), 2], "hollow": True}).encode()).decode()
    hollow = Reply({"data": {"orders": {"pageInfo": {"hasNextPage": True, "endCursor": cursor}, "nodes": []}}})
    shop.script = [lambda: None, says(hollow)]
    with connected(shop, page_size=2) as connector:
        assert ids(read(connector)) == ["1", "2", "3", "4"]


def test_two_full_reads_are_equal() -> None:
    shop = Shop([order(n, updated=n // 2) for n in range(1, 8)])
    shop.tables["events"] = [event(1, 100, of=99)]
    with connected(shop, page_size=3) as connector:
        first, second = read(connector), read(connector)
    assert records(first) == records(second)
    assert first[-1].checkpoint == second[-1].checkpoint


def test_a_state_from_the_future_yields_nothing() -> None:
    with connected(Shop([order(1)])) as connector:
        pages = read(connector, checkpoint={"since": "2126-01-01T00:00:00Z", "deleted_since": None})
    assert ids(pages) == []
    assert pages[-1].checkpoint["since"] == "2126-01-01T00:00:00Z"


def test_a_node_without_its_id_is_rejected_not_dropped() -> None:
    with connected(Shop([order(1), order(2, legacyResourceId=None)])) as connector:
        page = read(connector)[0]
    assert [record.id for record in page.records] == ["1"]
    assert [(r.where, r.reason) for r in page.rejects] == [("orders gid://shopify/Order/2", "it has no legacyResourceId")]
    assert json.loads(page.rejects[0].content) == kept(order(2, legacyResourceId=None))


# the lines of an order -------------------------------------------------------------------------------------------


def cut(number: int, count: int, **changes: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An order as it comes with the first ten of its lines, and all of them."""
    lines = [line(number * 1000 + n) for n in range(count)]
    info = {"hasNextPage": count > 10, "endCursor": "10"}
    return order(number, lineItems={"pageInfo": info, "nodes": lines[:10]}, **changes), lines


def test_an_order_of_three_hundred_lines_loses_none_of_them() -> None:
    (long, lines), (short, few) = cut(1, 300), cut(2, 10, updated=1)
    shop = Shop([long, short])
    shop.lines = {1: lines}
    with connected(shop, page_size=50) as connector:
        pages = read(connector)
        assert connector.calls() == (1 + 6 + 1, 0)  # orders, 290 lines by 50, deletions
    assert [record.payload["lineItems"] for record in records(pages)] == [{"nodes": lines}, {"nodes": few}]
    assert [q["after"] for q in shop.asked if q["field"] == "order"] == ["10", "60", "110", "160", "210", "260"]


def test_how_lines_are_cut_does_not_change_what_is_kept() -> None:
    long, lines = cut(1, 33)
    shop = Shop([long])
    shop.lines = {1: lines}
    with connected(shop, page_size=5) as small, connected(shop, page_size=200) as large:
        assert records(read(small)) == records(read(large))


def test_an_order_deleted_before_its_last_line_is_read_is_kept_as_far_as_it_came_and_then_deleted() -> None:
    long, lines = cut(1, 30)
    shop = Shop([long])
    shop.tables["events"] = [event(1, 100, of=1)]
    with connected(shop) as connector:
        found = records(read(connector))
    assert [(r.id, r.op) for r in found] == [("1", "upsert"), ("1", "delete")]
    assert found[0].payload["lineItems"] == {"nodes": lines[:10]}


def test_lines_that_cannot_be_read_end_the_reading_before_the_page_and_not_after() -> None:
    long, lines = cut(1, 30)
    shop = Shop([long])
    shop.lines = {1: lines}
    shop.script = [lambda: None, says(Reply({"data": {"order": {"lineItems": None}}}))]
    with connected(shop) as connector, pytest.raises(ProtocolError, match="no list of records"):
        read(connector)


def test_lines_that_cost_too_much_are_asked_for_fewer_at_a_time() -> None:
    long, lines = cut(1, 30)
    shop = Shop([long])
    shop.lines = {1: lines}
    shop.script = [lambda: None, says(refused("MAX_COST_EXCEEDED"))]
    with connected(shop, page_size=40) as connector:
        assert records(read(connector))[0].payload["lineItems"] == {"nodes": lines}
    assert [q["first"] for q in shop.asked if q["field"] == "order"] == [20]


@pytest.mark.parametrize(
    "lines", [None, "text", [], {}, {"nodes": None}, {"nodes": [], "pageInfo": None}, {"nested": {"nodes": []}}]
)
def test_lines_of_another_shape_are_kept_as_they_came(lines: Any) -> None:
    with connected(Shop([order(1, lineItems=lines)])) as connector:
        assert records(read(connector))[0].payload == order(1, lineItems=lines)


# a window of time ------------------------------------------------------------------------------------------------


def window(connector: ShopifyConnector, stream: str, since: int, until: int) -> list[Record]:
    read_window = stream_of(connector, stream).window
    assert read_window is not None
    return records(list(read_window(datetime.fromisoformat(at(since)), datetime.fromisoformat(at(until)))))


@pytest.mark.parametrize("heeds_search", [True, False])
def test_a_window_brings_what_changed_and_what_was_deleted_in_it_its_end_not_included(heeds_search: bool) -> None:
    shop = Shop([order(n, updated=n) for n in range(10)])
    shop.tables["events"] = [event(n, n, of=100 + n) for n in range(10)]
    shop.heeds_search = heeds_search  # for customers Shopify compares whole days, so more may come than was asked for
    with connected(shop, page_size=3) as connector:
        found = window(connector, "orders", 3, 6)
    assert [(r.id, r.op) for r in found] == [
        *((str(n), "upsert") for n in (3, 4, 5)),
        *((str(n), "delete") for n in (103, 104, 105)),
    ]
    assert found[0].payload == kept(order(3, updated=3))
    assert {q["query"] for q in shop.asked if q["field"] == "orders"} == {
        f"updated_at:>='{at(3)}' AND updated_at:<='{at(6)}'",
    }


def test_a_window_of_a_long_order_has_all_its_lines() -> None:
    long, lines = cut(1, 12)
    shop = Shop([long])
    shop.lines = {1: lines}
    with connected(shop) as connector:
        assert window(connector, "orders", 0, 1)[0].payload["lineItems"] == {"nodes": lines}


# deletions -------------------------------------------------------------------------------------------------------


def test_deletions_come_from_the_event_log_after_the_records_and_overlap_too() -> None:
    shop = Shop([order(2, updated=5)])
    shop.tables["events"] = [event(1, 100, of=1), event(2, 100, "CUSTOMER", of=1), event(3, 101, action="closed", of=2)]
    with connected(shop) as connector:
        pages = read(connector)
        assert [(r.op, r.id) for r in records(pages)] == [("upsert", "2"), ("delete", "1")]
        assert records(pages)[1].updated_at == datetime.fromisoformat(at(100))
        assert [page.checkpoint for page in pages] == [
            {"since": at(5), "deleted_since": None},
            {"since": at(5), "deleted_since": at(100)},
        ]
        shop.tables["events"].append(event(4, 100, of=2))
        again = read(connector, checkpoint=pages[-1].checkpoint)
    assert ("delete", "2") in [(r.op, r.id) for r in records(again)]
    assert [page.checkpoint["deleted_since"] for page in again] == [at(100), at(100)]


def test_each_stream_learns_its_own_deletions() -> None:
    shop = Shop()
    shop.tables["events"] = [event(1, 100, "ORDER", of=1), event(2, 100, "CUSTOMER", of=2)]
    with connected(shop) as connector:
        assert (ids(read(connector, "orders")), ids(read(connector, "customers"))) == (["1"], ["2"])


def test_events_that_are_no_deletions_delete_nothing_even_if_shopify_ignores_the_search() -> None:
    shop = Shop()
    shop.tables["events"] = [event(1, 1, action="placed"), event(2, 2, "CUSTOMER"), event(3, 3, of=9)]
    shop.heeds_search = False
    with connected(shop) as connector:
        assert ids(read(connector)) == ["9"]


def test_a_shop_that_does_not_show_its_events_is_read_without_deletions_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop([order(1)])
    shop.script = [lambda: None, says(refused("ACCESS_DENIED", "Access denied for events field."))]
    with connected(shop) as connector:
        pages = read(connector)
    assert ids(pages) == ["1"]
    assert pages[-1].checkpoint["since"] == at(0)
    assert "deletions are not learnt" in caplog.text


# broken off ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [0, 1, 2])
def test_a_reading_that_broke_off_goes_on_after_the_page_that_was_kept(page: int) -> None:
    shop = Shop([order(n, updated=n) for n in range(1, 7)])
    with connected(shop, page_size=2) as connector:
        begun = read(connector)[: page + 1]
    with connected(shop, page_size=2) as connector:
        rest = read(connector, checkpoint=json.loads(json.dumps(begun[-1].checkpoint)))
    expected = [str(n) for n in range(1, 7)]
    if page < 2:
        assert ids(begun) + ids(rest) == expected
    else:  # the last page: a whole reading, so the next one looks back
        assert ids(begun) == expected
    assert rest[-1].checkpoint["since"] == at(6)


@given(
    changes=st.lists(st.integers(0, 4), max_size=9),
    page_size=st.integers(1, 4),
    broken_after=st.integers(0, 9),
    late=st.lists(st.tuples(st.integers(0, 8), st.integers(4, 6)), max_size=3),
)
@settings(max_examples=25, deadline=None)
@example(changes=[0] * 7 + [4, 4], page_size=1, broken_after=7, late=[(0, 4), (1, 6)])  # changed in the cursor's own second
def test_wherever_a_reading_breaks_off_the_newest_state_of_every_order_is_kept(
    changes: list[int], page_size: int, broken_after: int, late: list[tuple[int, int]]
) -> None:
    shop = Shop([order(n, updated=second) for n, second in enumerate(changes)])
    with connected(shop, page_size=page_size, lookback_seconds=1) as connector, pytest.MonkeyPatch.context() as patch:
        clock = at(4)
        patch.setattr(shopify, "_now", lambda: datetime.fromisoformat(clock))
        whole = read(connector)[: broken_after + 1]
        for n, second in late:
            if n < len(changes):
                shop.tables["orders"][n] = order(n, updated=second, name=f"changed at {second}")
        clock = at(6)
        whole += read(connector, checkpoint=whole[-1].checkpoint)
        whole += read(connector, checkpoint=whole[-1].checkpoint)
    newest = {record.id: record.payload for record in records(whole)}
    assert newest == {row["legacyResourceId"]: kept(row) for row in shop.tables["orders"]}


def test_a_cursor_that_shopify_no_longer_knows_starts_the_reading_again_from_its_watermark(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shop = Shop([order(n, updated=1000 + n) for n in range(1, 5)] + [order(9, updated=0)])
    shop.script = [says(refused("INVALID_CURSOR"))]
    old = {"since": at(1000), "after": "c3RhbGU=", "high": at(1002), "deleted_since": None}
    with connected(shop) as connector:
        pages = read(connector, checkpoint=old)
    assert ids(pages) == ["1", "2", "3", "4"]
    assert "begins again" in caplog.text


def test_an_extraction_that_fails_in_the_middle_lands_what_it_read_and_the_next_lands_the_rest(tmp_path: Path) -> None:
    shop = Shop([order(n, updated=n) for n in range(1, 7)])
    shop.script = [lambda: None, *[says(Reply(b"oops", status=502))] * 3]
    with connected(shop, page_size=3) as connector:
        stream = stream_of(connector, "orders")
        with pytest.raises(SourceUnavailableError, match="answered 502"):
            extract_stream(connector, stream, tmp_path, sync_run_id="a")
        second = extract_stream(connector, stream, tmp_path, sync_run_id="b")
    assert (second.rows, second.api_calls) == (3, 2)
    parts = StreamLanding(tmp_path, "shop", "orders").parts()
    landed = duckdb.connect().execute("SELECT source_record_id FROM read_parquet(?)", [[str(p) for p in parts]]).fetchall()
    assert sorted(landed) == [(str(n),) for n in range(1, 7)]


# throttling and faults -------------------------------------------------------------------------------------------


def throttled(requested: int, available: int, rate: int) -> Reply:
    status = {"maximumAvailable": 2000, "currentlyAvailable": available, "restoreRate": rate}
    cost = {"requestedQueryCost": requested, "actualQueryCost": None, "throttleStatus": status}
    return Reply({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}], "extensions": {"cost": cost}})


def test_throttled_with_status_200_waits_until_the_bucket_holds_the_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    shop = Shop([order(1)])
    shop.script = [says(throttled(requested=700, available=400, rate=3000))]
    with connected(shop) as connector:
        assert ids(read(connector)) == ["1"]
        assert connector.calls() == (3, 1)
    assert waits(caplog) == [pytest.approx(0.1)]


def test_throttled_with_status_429_waits_as_the_header_says(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    shop = Shop([order(1)])
    shop.script = [says(Reply({}, status=429, headers={"Retry-After": "0.2"}))]
    with connected(shop) as connector:
        assert ids(read(connector)) == ["1"]
    assert waits(caplog) == [pytest.approx(0.2)]


def test_a_shop_that_only_throttles_is_given_up_on_after_the_bounded_attempts() -> None:
    shop = Shop([order(1)])
    shop.script = [says(throttled(10, 5, 10_000))] * 3
    with connected(shop) as connector, pytest.raises(SourceUnavailableError, match="shop/orders: asks us to slow down"):
        read(connector)


def test_a_query_that_costs_too_much_is_asked_for_fewer_records() -> None:
    shop = Shop([order(n, updated=n) for n in range(1, 7)])
    too_costly = refused("MAX_COST_EXCEEDED", "Query cost is 2003", cost=2003, maxCost=1000)
    shop.script = [says(too_costly)] * 2
    with connected(shop, page_size=8) as connector:
        assert ids(read(connector)) == ["1", "2", "3", "4", "5", "6"]
    assert [q["first"] for q in shop.asked if q["field"] == "orders"] == [2, 2, 2]


def test_a_single_record_that_costs_too_much_is_an_error_not_a_loop() -> None:
    shop = Shop([order(1)])
    shop.script = [says(refused("MAX_COST_EXCEEDED"))] * 2
    with connected(shop, page_size=2) as connector, pytest.raises(ProtocolError, match="MAX_COST_EXCEEDED"):
        read(connector)


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(b"<html>", status=500),
        Reply(b"", status=503),
        refused("INTERNAL_SERVER_ERROR"),
        Reply(b'{"data": {"orders": {"nodes": ['),
    ],
    ids=["500", "503", "internal error with status 200", "truncated JSON"],
)
def test_a_passing_fault_is_ridden_out_and_a_lasting_one_reported(trouble: Reply) -> None:
    shop = Shop([order(1)])
    shop.script = [says(trouble)] * 2
    with connected(shop) as connector:
        assert ids(read(connector)) == ["1"]
        shop.script = [says(trouble)] * 3
        with pytest.raises((SourceUnavailableError, ProtocolError), match=r"^shop/orders: .*; .*run the sync again"):
            read(connector)


def test_a_cursor_that_repeats_ends_the_reading_with_an_error() -> None:
    page = {"pageInfo": {"hasNextPage": True, "endCursor": "again"}, "nodes": [order(1)]}
    shop = Shop()
    shop.script = [says(Reply({"data": {"orders": page}}))] * 9
    with connected(shop) as connector, pytest.raises(ProtocolError, match="a page we already read"):
        read(connector)
    assert len(shop.script) == 7


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"data": {"orders": None}}, "no list of records"),
        ({"data": None}, "no data"),
        ([], "no data"),
        ({"data": {"orders": {"nodes": [None], "pageInfo": {"hasNextPage": False}}}}, "no list of records"),
        ({"data": {"orders": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": None}}}}, "gives no cursor"),
        (
            {"errors": [{"message": "zoe@example.com", "extensions": {"code": "undefinedField"}}]},
            r"refused the query \(undefinedField\)",
        ),
    ],
)
def test_an_answer_that_breaks_the_rules_is_an_error_and_never_an_empty_success(body: Any, message: str) -> None:
    shop = Shop()
    shop.script = [says(Reply(body))]
    with connected(shop) as connector, pytest.raises(ProtocolError, match=message) as caught:
        read(connector)
    assert "zoe@" not in str(caught.value)


def test_another_api_version_in_the_answer_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop([order(n, updated=n) for n in range(1, 5)])
    shop.version = "2027-01"
    with connected(shop, page_size=2) as connector:
        read(connector)
    assert caplog.text.count("Shopify answers in API version 2027-01, not 2026-10") == 1


# credentials and settings ----------------------------------------------------------------------------------------


def test_check_says_who_we_are() -> None:
    with connected(Shop()) as connector:
        assert connector.check() == "shop Acme"


def test_a_wrong_token_is_refused_with_its_variable_named_and_its_value_kept() -> None:
    with connected(Shop(), token="shpat_wrong") as connector, pytest.raises(CredentialsError) as caught:
        connector.check()
    assert "access_token (environment variable SHOPIFY_TEST_TOKEN)" in str(caught.value)
    assert "shpat" not in str(caught.value)
    assert connector.calls() == (1, 0)


@pytest.mark.parametrize(
    ("reply", "scope"),
    [
        (
            refused("ACCESS_DENIED", "Access denied for customers field.", requiredAccess="`read_customers` access scope."),
            "read_customers",
        ),
        (refused("ACCESS_DENIED", "This app is not approved to access the Customer object."), "read_customers"),
    ],
)
def test_a_missing_scope_is_named(reply: Reply, scope: str) -> None:
    shop = Shop()
    shop.script = [says(reply)]
    with connected(shop) as connector, pytest.raises(CredentialsError, match=f"grant the app the scope {scope}"):
        read(connector, "customers")


def test_a_403_is_a_failure_of_the_stream() -> None:
    shop = Shop([order(1)])
    shop.script = [says(Reply({"errors": "Forbidden"}, status=403))]
    with connected(shop) as connector, pytest.raises(CredentialsError, match=r"^shop/orders: 403"):
        read(connector)


def test_settings_take_the_shop_in_any_form_and_refuse_what_shopify_would() -> None:
    def made(**options: Any) -> ShopifySettings:
        return ShopifySettings.model_validate({"type": "shopify", "shop": "acme", "access_token": "${SHOPIFY_UNSET}", **options})

    assert made(shop="https://Acme.myshopify.com/").shop == "acme"
    for bad in ({"shop": "acme.example.com"}, {"page_size": 251}, {"lookback_seconds": 0}, {"access_token": TOKEN}, {"token": "x"}):
        with pytest.raises(ValidationError):
            made(**bad)
    connector = connector_class("shopify")("shop", made())
    assert connector.calls() == (0, 0)
    with pytest.raises(ConfigError, match="SHOPIFY_UNSET is not set"):
        connector.check()


# mapping ---------------------------------------------------------------------------------------------------------


def mapped(stream: str, table: str, *payloads: dict[str, Any]) -> list[dict[str, Any]]:
    """What the mapping makes of orders and customers."""
    return staging.mapped(ShopifyConnector("shop", None), stream, table, *payloads, key="legacyResourceId")


def test_the_mapping_yields_canonical_columns_only() -> None:
    blocks = parse_mapping(ShopifyConnector("shop", None).mapping())
    assert [(b.stream, b.table) for b in blocks] == [
        ("orders", "customer_order"),
        ("orders", "order_line"),
        ("orders", "refund"),
        ("customers", "party_record"),
        ("orders", "party_record"),
        ("customers", "consent"),
    ]
    guest = order(1, customer=None, refunds=[refund(1)])
    for block in blocks:
        row, *_ = mapped(block.stream, block.table, customer(1) if block.stream == "customers" else guest)
        unknown = [name for name in row if name != "source_record_id" and TABLES[block.table].column(name) is None]
        assert unknown == []


def test_an_order_is_mapped_in_shop_money_to_its_customer() -> None:
    assert mapped("orders", "customer_order", order(1)) == [
        {
            "source_record_id": "1",
            "party_id": "77",
            "party_stream": "customers",
            "order_number": "#1",
            "ordered_at": at(0),
            "status": "paid",
            "currency": "EUR",
            "gross_amount": "119.00",
            "discount_amount": "10.00",
            "tax_amount": "19.00",
            "shipping_amount": "4.90",
            "refund_amount": "0.00",
            "landing_url": "https://acme.example/?gclid=abc",
            "referrer_url": "https://www.google.com/",
            "utm_source": "google",
            "utm_medium": "cpc",
            "utm_campaign": "autumn",
            "utm_content": None,
            "utm_term": None,
            "click_id_type": "gclid",
            "click_id": "abc",
            "is_test": "false",
            "created_at": at(0),
        }
    ]


def came_by(page: str | None, **utm: Any) -> dict[str, Any]:
    return {**visit("x"), "landingPage": page, "utmParameters": utm or None}


@pytest.mark.parametrize(
    ("first", "last", "campaign", "click"),
    [
        (came_by("https://a.example/?utm_campaign=spring+sale%21"), came_by("https://a.example/"), "spring sale!", None),
        (came_by("https://a.example/"), came_by("https://a.example/?fbclid=F_1#top", campaign="last"), "last", ("fbclid", "F_1")),
        (
            came_by("https://a.example/?x=1&msclkid=M%2F1"),
            came_by("https://a.example/?gclid=G", campaign="last"),
            None,
            ("msclkid", "M/1"),
        ),
        (came_by(None, campaign="first"), came_by("https://a.example/?gclid=G"), "first", None),
        (None, came_by("https://a.example/?ttclid=T&gclid="), None, ("ttclid", "T")),
        (came_by("https://a.example/?gclid=&utm_campaign="), None, None, None),
        (came_by("https://a.example/?utm_campaign=%ff&gclid=%ff"), None, None, ("gclid", "%ff")),
        (came_by("https://a.example/?mygclid=1"), None, None, None),
        (None, None, None, None),
        ("nonsense", 7, None, None),
    ],
)
def test_campaign_and_click_are_of_the_first_visit_that_came_by_any(
    first: Any, last: Any, campaign: str | None, click: tuple[str, str] | None
) -> None:
    (row,) = mapped("orders", "customer_order", order(1, customerJourneySummary={"firstVisit": first, "lastVisit": last}))
    assert (row["utm_campaign"], row["click_id_type"], row["click_id"]) == (campaign, *(click or (None, None)))


def test_the_lines_of_an_order_are_mapped_before_refunds_and_after_all_discounts() -> None:
    bare = line(8, sku=None, discountAllocations=[], taxLines=[], originalTotalSet=shop_money("1000", "JPY"))
    payload = kept(order(1, customer=None, lineItems={"nodes": [line(7), bare]}))
    first, second = sorted(mapped("orders", "order_line", payload), key=lambda row: row["line_no"])
    assert first == {
        "source_record_id": "1",
        "party_id": "1",
        "party_stream": "orders",
        "line_no": "7",
        "order_id": "1",
        "sku": "PAN-28",
        "product_name": "Pfanne - 28 cm",
        "quantity": "3",
        "currency": "EUR",
        "unit_price": "33.33",
        "net_amount": "89.9900",
        "tax_amount": "17.1000",
        "is_test": "false",
        "created_at": at(0),
    }
    assert (second["net_amount"], second["tax_amount"], second["currency"], second["sku"]) == ("1000.0000", "0.0000", "JPY", None)


@pytest.mark.parametrize(
    ("changes", "net", "tax"),
    [
        ({"discountAllocations": None, "taxLines": None}, None, None),
        ({"discountAllocations": "x", "taxLines": 7}, None, None),
        (
            {"discountAllocations": [{"allocatedAmountSet": shop_money("much")}]},
            "99.99 (less discounts that cannot be read)",
            "17.1000",
        ),
        ({"discountAllocations": [None]}, "99.99 (less discounts that cannot be read)", "17.1000"),
        ({"taxLines": [{"priceSet": None}]}, "89.9900", "taxes that cannot be read"),
        ({"originalTotalSet": None}, None, "17.1000"),
    ],
)
def test_a_sum_with_a_part_that_cannot_be_read_is_never_a_smaller_sum(changes: dict[str, Any], net: Any, tax: Any) -> None:
    (row,) = mapped("orders", "order_line", order(1, lineItems={"nodes": [line(7, **changes)]}))
    assert (row["net_amount"], row["tax_amount"]) == (net, tax)


def test_an_order_without_lines_or_refunds_yields_none() -> None:
    for nothing in (None, [], "x", {"nodes": []}):
        payload = order(1, lineItems=nothing, refunds=nothing)
        assert mapped("orders", "order_line", payload) == mapped("orders", "refund", payload) == []


def test_each_refund_of_an_order_is_mapped_with_its_own_number_and_time() -> None:
    payload = order(1, refunds=[refund(5), refund(6, processedAt=None, legacyResourceId=None, totalRefundedSet=money("0.5"))])
    first, second = sorted(mapped("orders", "refund", payload), key=lambda row: row["refund_no"])
    assert first == {
        "source_record_id": "1",
        "party_id": "77",
        "party_stream": "customers",
        "refund_no": "5",
        "refund_type": "refund",
        "order_id": "1",
        "refunded_at": at(10),
        "currency": "EUR",
        "amount": "5.00",
        "is_test": "false",
        "created_at": at(20),
    }
    assert (second["refund_no"], second["refunded_at"], second["amount"]) == ("6", at(20), "0.5")


@pytest.mark.parametrize(
    ("financial", "cancelled", "status"),
    [
        ("PENDING", None, "open"),
        ("AUTHORIZED", None, "open"),
        ("PARTIALLY_PAID", None, "open"),
        ("EXPIRED", None, "open"),
        (None, None, "open"),
        ("PAID", None, "paid"),
        ("PARTIALLY_REFUNDED", None, "partially_refunded"),
        ("REFUNDED", None, "refunded"),
        ("VOIDED", None, "cancelled"),
        ("REFUNDED", at(9), "cancelled"),
    ],
)
def test_order_status(financial: str | None, cancelled: str | None, status: str) -> None:
    payload = order(1, displayFinancialStatus=financial, cancelledAt=cancelled)
    assert mapped("orders", "customer_order", payload)[0]["status"] == status


def test_an_order_that_says_little_is_mapped_with_what_it_says() -> None:
    bare = order(1, totalTaxSet=None, customerJourneySummary=None, test=True, totalPriceSet=money("1000", "JPY"))
    (row,) = mapped("orders", "customer_order", bare)
    assert (row["tax_amount"], row["landing_url"], row["is_test"]) == (None, None, "true")
    assert (row["gross_amount"], row["currency"]) == ("1000", "JPY")
    later = order(1, customerJourneySummary={"firstVisit": None, "lastVisit": visit("https://acme.example/b")})
    assert mapped("orders", "customer_order", later)[0]["landing_url"] == "https://acme.example/b"


def test_a_guest_order_is_its_own_party_and_an_owned_one_is_none() -> None:
    guest = order(2, customer=None, phone="+491701234567")
    assert [(r["party_id"], r["party_stream"]) for r in mapped("orders", "customer_order", order(1), guest)] == [
        ("77", "customers"),
        ("2", "orders"),
    ]
    (party,) = mapped("orders", "party_record", order(1), guest)
    assert (party["source_record_id"], party["record_role"]) == ("2", "guest")
    assert (party["given_name"], party["family_name"], party["company_name"]) == ("Zoë", "Müller", "Müller GmbH")
    assert (party["email"], party["phone"], party["city"], party["country"]) == ("zoe@example.com", "+491701234567", "Berlin", "DE")


def test_a_guest_without_a_billing_address_is_known_by_the_shipping_address() -> None:
    (party,) = mapped("orders", "party_record", order(2, customer=None, billingAddress=None))
    assert (party["city"], party["phone"]) == ("Potsdam", "+49 30 901820")
    (nobody,) = mapped("orders", "party_record", order(3, customer=None, billingAddress=None, shippingAddress=None))
    assert (nobody["email"], nobody["city"], nobody["phone"]) == ("zoe@example.com", None, None)


def test_a_customer_is_a_party_with_the_contact_of_the_fields_that_replaced_the_deprecated_ones() -> None:
    assert mapped("customers", "party_record", customer(77)) == [
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
            "locale": "de",
            "created_at": at(0),
        }
    ]


def test_a_customer_without_names_or_phone_takes_those_of_the_address_both_names_or_none() -> None:
    nameless = customer(1, firstName=None, lastName=None, defaultPhoneNumber=None, defaultEmailAddress=None)
    half = customer(2, firstName="Anna", lastName=None)
    bare = customer(3, firstName=None, lastName=None, defaultAddress=None, defaultPhoneNumber=None)
    rows = mapped("customers", "party_record", nameless, half, bare)
    assert [(r["given_name"], r["family_name"]) for r in rows] == [("Zoë", "Müller"), ("Anna", None), (None, None)]
    assert (rows[0]["phone"], rows[0]["email"]) == ("+49 30 901820", None)
