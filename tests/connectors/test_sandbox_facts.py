"""What is read from the sandbox's shop, help desk and ad account, and mapped, agrees: lines with orders, leads with ads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Connector
from connectors.extract import stream_of
from connectors.registry import connector_class
from connectors.sandbox import Sandbox, SandboxHandle, credentials, running
from tests.connectors.staging import Rows, stage


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with running(sandbox=Sandbox(7, 400, today=date(2026, 9, 20))) as handle:
        handle.advance(1)
        handle.push_clock(120)
        yield handle


def connected(handle: SandboxHandle, kind: str, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Connector:
    cls = connector_class(kind)
    secrets = {name: f"${{{name.upper()}}}" for name in settings.pop("secrets")}
    for name in secrets:
        monkeypatch.setenv(name.upper(), getattr(credentials, f"{kind}_{name}".upper()))
    return cls(kind, cls.Settings(**{"type": kind, "base_url": handle.url(kind), **secrets, **settings}))


def tables(connector: Connector, *streams: str) -> dict[str, Rows]:
    """Staging table -> the rows that the newest versions of all records of the streams are mapped to."""
    found: dict[str, Rows] = {}
    for stream in streams:
        newest: dict[str, Mapping[str, Any]] = {}
        for page in stream_of(connector, stream).read(None):
            assert page.rejects == []
            for record in page.records:
                newest.pop(record.id, None)
                if record.op == "upsert":
                    newest[record.id] = record.payload
        for table, rows in stage(connector, stream, newest).items():
            found.setdefault(table, []).extend(rows)
    connector.close()
    return found


def test_lines_and_refunds_add_up_to_their_orders(sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = connected(sandbox, "shopify", monkeypatch, shop=credentials.SHOPIFY_SHOP, secrets=["access_token"], page_size=50)
    found = tables(shop, "orders")
    orders = {row["source_record_id"]: row for row in found["customer_order"]}
    lines, refunds = found["order_line"], found["refund"]
    assert {row["source_record_id"] for row in lines} == set(orders)
    assert len({(row["source_record_id"], row["line_no"]) for row in lines}) == len(lines) > len(orders)
    for key, order in orders.items():
        own = [row for row in lines if row["source_record_id"] == key]
        net, tax = (sum(Decimal(row[column]) for row in own) for column in ("net_amount", "tax_amount"))
        assert tax == Decimal(order["tax_amount"])
        assert net + tax + Decimal(order["shipping_amount"]) == Decimal(order["gross_amount"])
        assert {(row["party_id"], row["party_stream"], row["currency"]) for row in own} == {
            (order["party_id"], order["party_stream"], order["currency"])
        }
        back = [row for row in refunds if row["order_id"] == key]
        assert sum((Decimal(row["amount"]) for row in back), Decimal(0)) == Decimal(order["refund_amount"])
        assert all(row["refunded_at"] > order["ordered_at"] for row in back)
    assert refunds


def test_an_order_that_an_advertisement_brought_names_campaign_and_click(
    sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = connected(sandbox, "shopify", monkeypatch, shop=credentials.SHOPIFY_SHOP, secrets=["access_token"])
    orders = tables(shop, "orders")["customer_order"]
    paid = [row for row in orders if row["utm_medium"] == "cpc"]
    assert paid
    assert {row["utm_source"] for row in paid} == {"google"}
    assert {row["click_id_type"] for row in paid} <= {"gclid", None}
    assert sum(row["click_id"] is not None for row in paid) > len(paid) / 2
    assert all((row["click_id"] is None) == (row["click_id_type"] is None) for row in orders)
    assert any(row["utm_source"] is None and row["landing_url"] for row in orders)


def test_ads_leads_and_spend_meet_in_campaigns_and_ad_groups(sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    account = connected(
        sandbox,
        "google_ads",
        monkeypatch,
        customer_id=credentials.GOOGLE_ADS_CUSTOMER_ID,
        client_id=credentials.GOOGLE_ADS_CLIENT_ID,
        secrets=["developer_token", "client_secret", "refresh_token"],
        start_date=date(2026, 9, 1),
    )
    found = tables(account, "ad_spend_daily", "leads", "campaigns", "ad_groups", "ads")
    campaigns = {row["campaign_id"] for row in found["ad_campaign"]}
    groups = {(row["campaign_id"], row["ad_group_id"]) for row in found["ad_group"]}
    ads = {(row["campaign_id"], row["ad_group_id"], row["ad_id"]) for row in found["ad"]}
    assert {campaign for campaign, _ in groups} == campaigns
    assert {ad[:2] for ad in ads} < groups, "Performance Max has no ads"
    assert all(row["ad_name"] for row in found["ad"])
    assert {row["campaign_id"] for row in found["ad_spend_daily"]} <= campaigns
    leads = found["lead"]
    assert {(row["campaign_id"], row["ad_group_id"]) for row in leads} <= groups
    assert {(row["campaign_id"], row["ad_group_id"], row["ad_id"]) for row in leads if row["ad_id"]} <= ads
    assert any(row["ad_id"] for row in leads)


def test_a_ticket_is_answered_after_it_was_opened_and_before_it_was_solved(
    sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = connected(
        sandbox,
        "zendesk",
        monkeypatch,
        subdomain=credentials.ZENDESK_SUBDOMAIN,
        email=credentials.ZENDESK_EMAIL,
        api_token="${ZENDESK_TOKEN}",
        secrets=[],
        exports_per_minute=100,
    )
    monkeypatch.setenv("ZENDESK_TOKEN", credentials.ZENDESK_TOKEN)
    found = tables(desk, "tickets", "users")
    tickets = found["ticket"]
    done = [row for row in tickets if row["status"] in ("solved", "closed")]
    assert len(done) > 100
    for row in done:
        opened, answered, solved = (datetime.fromisoformat(row[c]) for c in ("opened_at", "first_reply_at", "solved_at"))
        # minutes are whole, so that an answer may seem up to a minute early
        assert opened.astimezone(UTC) <= answered <= solved
        assert answered.second == opened.second
        assert solved - opened < timedelta(days=90)
    assert all(row["solved_at"] is None for row in tickets if row not in done)
    assert {row["satisfaction"] for row in tickets} == {"good", "bad", None}
    assert {int(row["reopen_count"]) for row in done} >= {0, 1}
    assert any(row["company_name"] for row in found["party_record"])
