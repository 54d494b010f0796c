"""What brought a customer: channel, campaign, and which touch an order is credited to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hub.golden.helpers import ask, build, customers, day, fact, one, order
from tests.hub.parties import warehouse

ANN = "shop:customers:1"
PAGE = "https://shop.example/p?"


CLICK_IDS = {
    "gclid": "google_ads",
    "gbraid": "google_ads",
    "wbraid": "google_ads",
    "fbclid": "meta",
    "msclkid": "microsoft_ads",
    "ttclid": "tiktok",
    "li_fat_id": "linkedin",
    "twclid": "x",
    "rdt_cid": "reddit",
    "epik": "pinterest",
    "ScCid": "snapchat",
}


def test_a_click_id_names_its_platform(con: duckdb.DuckDBPyConnection) -> None:
    for parameter in CLICK_IDS:
        order(con, parameter, landing_url=f"{PAGE}{parameter}=a%2Bb")
    build(con)
    found = ask(
        con, "SELECT click_id_type, platform FROM golden.touchpoint WHERE match_level = 'channel_only' AND click_id = 'a+b'"
    )
    assert dict(found) == CLICK_IDS


CHANNELS: list[tuple[dict[str, Any], str]] = [
    ({"landing_url": PAGE + "gclid=1"}, "paid_search"),
    ({"landing_url": PAGE + "utm_source=google&utm_medium=cpc"}, "paid_search"),
    ({"landing_url": PAGE + "utm_source=google_ads&utm_medium=ppc"}, "paid_search"),
    ({"landing_url": PAGE + "utm_source=facebook&utm_medium=paid_social"}, "paid_social"),
    ({"landing_url": PAGE + "utm_medium=cpc&fbclid=1"}, "paid_social"),
    ({"landing_url": PAGE + "utm_source=blog&utm_medium=CPC"}, "paid_other"),
    ({"landing_url": PAGE + "utm_source=gdn&utm_medium=display"}, "display"),
    ({"landing_url": PAGE + "fbclid=1"}, "organic_social"),
    ({"landing_url": PAGE + "utm_source=klaviyo&utm_medium=Email&gclid=1"}, "email"),
    ({"landing_url": PAGE + "utm_source=newsletter"}, "email"),
    ({"utm_source": "google", "utm_medium": "organic"}, "organic_search"),
    ({"landing_url": PAGE, "referrer_url": "https://www.google.co.uk/"}, "organic_search"),
    ({"landing_url": PAGE, "referrer_url": "https://l.facebook.com/x"}, "organic_social"),
    ({"landing_url": PAGE, "referrer_url": "https://blog.example/a"}, "referral"),
    ({"landing_url": PAGE, "referrer_url": "https://www.shop.example/"}, "direct"),
    ({"landing_url": PAGE}, "direct"),
    ({"utm_source": "partner"}, "other"),
    ({}, "unknown"),
]


def test_the_channel_of_a_visit(con: duckdb.DuckDBPyConnection) -> None:
    for number, (values, _) in enumerate(CHANNELS):
        order(con, number, **values)
    build(con)
    found = dict(ask(con, "SELECT ref_key, channel_group FROM golden.touchpoint"))
    assert [found[f"shop:orders:{number}"] for number in range(len(CHANNELS))] == [channel for _, channel in CHANNELS]


@pytest.fixture
def ads(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    fact(con, "ad_campaign", "ads:campaigns:11", campaign_id="11", campaign_name="Spring Sale")
    fact(con, "ad_campaign", "ads:campaigns:12", campaign_id="12", campaign_name="Brand")
    fact(con, "ad_campaign", "meta:campaigns:11", platform="meta", campaign_id="11", campaign_name="Brand")
    fact(con, "ad_campaign", "ads:campaigns:13", campaign_id="13", campaign_name="Twin")
    fact(con, "ad_campaign", "ads:campaigns:14", campaign_id="14", campaign_name="twin")
    tags = "utm_source=google&utm_medium=cpc&utm_campaign="
    fact(con, "ad", "ads:ads:1", platform="google_ads", account_id="a", campaign_id="12", ad_id="1", landing_url=f"https://a.example/?{tags}Summer+one")  # fmt: skip # noqa: E501
    fact(
        con,
        "ad",
        "ads:ads:2",
        platform="google_ads",
        account_id="a",
        campaign_id="12",
        ad_id="2",
        landing_url=f"?{tags}spring_sale",
    )
    fact(con, "ad", "ads:ads:3", platform="google_ads", account_id="a", campaign_id="11", ad_id="3", landing_url=f"?{tags}both")
    fact(con, "ad", "ads:ads:4", platform="google_ads", account_id="a", campaign_id="12", ad_id="4", landing_url=f"?{tags}both")
    fact(
        con,
        "ad",
        "ads:ads:5",
        platform="google_ads",
        account_id="a",
        campaign_id="12",
        ad_id="5",
        landing_url=f"?{tags}{{campaignid}}",
    )
    fact(
        con,
        "ad",
        "ads:ads:6",
        platform="google_ads",
        account_id="a",
        campaign_id="11",
        ad_id="6",
        landing_url=f"?{tags}gone",
        is_test=True,
    )
    fact(con, "ad", "ads:ads:7", platform="google_ads", account_id="a", campaign_id="11", ad_id="7", landing_url="?utm_source=blog&utm_campaign=guest")  # fmt: skip # noqa: E501
    fact(con, "lead", "ads:leads:1", account_id="a", campaign_id="12", click_id_type="gclid", click_id="known-click")
    return con


CAMPAIGNS: list[tuple[str, str | None, str]] = [
    ("gclid=x&hsa_cam=12", "ads:campaigns:12", "campaign_id"),
    ("gclid=x&gad_campaignid=12", "ads:campaigns:12", "campaign_id"),
    ("utm_id=12", "ads:campaigns:12", "campaign_id"),
    ("utm_source=google&utm_medium=cpc&utm_campaign=12", "ads:campaigns:12", "campaign_id"),
    ("utm_source=facebook&utm_medium=cpc&utm_id=11", "meta:campaigns:11", "campaign_id"),
    ("utm_id=11", None, "none"),  # two platforms have that campaign
    ("gclid=known-click&utm_campaign=spring_sale", "ads:campaigns:12", "gclid_click_view"),
    ("utm_source=Google&utm_medium=CPC&utm_campaign=summer%20one", "ads:campaigns:12", "utm_url"),
    # the ad that carries these three is surer than the campaign that is called so
    ("utm_source=google&utm_medium=cpc&utm_campaign=spring_sale", "ads:campaigns:12", "utm_url"),
    ("utm_source=google&utm_medium=cpc&utm_campaign=spring_sale&gclid=known-click", "ads:campaigns:12", "gclid_click_view"),
    ("utm_source=blog&utm_campaign=guest", "ads:campaigns:11", "utm_url"),  # no platform is said, and none needed
    ("utm_source=bing&utm_medium=cpc&utm_campaign=summer%20one", None, "channel_only"),
    ("utm_source=google&utm_medium=cpc&utm_campaign=both", None, "channel_only"),  # ads of two campaigns carry it
    ("utm_source=google&utm_medium=cpc&utm_campaign={campaignid}", None, "channel_only"),
    ("utm_source=google&utm_medium=cpc&utm_campaign=gone", None, "channel_only"),
    ("utm_source=google&utm_campaign=summer%20one", None, "none"),  # another triple
    ("gclid=x&utm_campaign=SPRING%20sale", "ads:campaigns:11", "campaign_name"),
    ("gclid=x&utm_campaign=brand", "ads:campaigns:12", "campaign_name"),
    ("utm_source=facebook&utm_medium=cpc&utm_campaign=brand", "meta:campaigns:11", "campaign_name"),
    ("utm_campaign=brand", None, "none"),
    ("gclid=x&utm_campaign=twin", None, "channel_only"),
    ("gclid=x&utm_id=999", None, "channel_only"),
    ("utm_source=mail&utm_medium=email", None, "none"),
]


def test_a_touch_is_traced_to_its_campaign_by_the_surest_sign(ads: duckdb.DuckDBPyConnection) -> None:
    for query, _, _ in CAMPAIGNS:
        order(ads, query, landing_url=PAGE + query)
    build(ads)
    found = {key: signs for key, *signs in ask(ads, "SELECT ref_key, campaign_key, match_level FROM golden.touchpoint")}
    assert [(query, *found[f"shop:orders:{query}"]) for query, _, _ in CAMPAIGNS] == CAMPAIGNS


def test_a_lead_is_a_touch_of_its_campaign(ads: duckdb.DuckDBPyConnection) -> None:
    build(ads)
    assert ask(ads, "SELECT touchpoint_key, channel_group, platform, campaign_key, match_level FROM golden.touchpoint") == [
        ("lead:ads:leads:1", "paid_search", "google_ads", "ads:campaigns:12", "campaign_id")
    ]


def credit(con: duckdb.DuckDBPyConnection, model: str, id_: int = 1) -> list[tuple[Any, ...]]:
    return ask(
        con,
        "SELECT touchpoint_key, weight, attributed_net_base FROM golden.attribution"
        " WHERE model = ? AND order_key = ? ORDER BY touchpoint_key",
        *(model, f"shop:orders:{id_}"),
    )


def test_three_models_of_one_path(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [ANN, "ads:leads:1"]})
    fact(con, "lead", "ads:leads:1", "ads:leads:1", submitted_at=day(0))
    order(con, 0, ANN, ordered_at=day(1), status="cancelled", landing_url=PAGE + "utm_source=blog&utm_medium=referral")
    order(con, 1, ANN, ordered_at=day(2), landing_url=PAGE)
    order(con, 2, ANN, ordered_at=day(3), landing_url=PAGE)
    fact(con, "lead", "ads:leads:2", "ads:leads:1", submitted_at=day(4))  # led to nothing yet
    build(con)
    first, called_off, own = "lead:ads:leads:1", "customer_order:shop:orders:0", "customer_order:shop:orders:1"
    assert credit(con, "first_touch") == [(first, 1, 10)]
    assert credit(con, "last_non_direct") == [(called_off, 1, 10)]
    assert credit(con, "linear") == [
        (called_off, Decimal("0.33333334"), Decimal("3.3334")),
        (own, Decimal("0.33333333"), Decimal("3.3333")),
        (first, Decimal("0.33333333"), Decimal("3.3333")),
    ]
    # the path to the second order begins after the first; all of it is direct
    assert credit(con, "last_non_direct", 2) == [("customer_order:shop:orders:2", 1, 10)]
    assert ask(con, "SELECT DISTINCT order_key FROM golden.attribution WHERE is_acquisition") == [("shop:orders:1",)]


def test_an_order_of_which_nothing_is_known_gives_the_credit_to_what_is_known(con: duckdb.DuckDBPyConnection) -> None:
    customers(con, {"c_1": [ANN, "ads:leads:1"]})
    fact(con, "lead", "ads:leads:1", "ads:leads:1")
    order(con, 1, ANN, ordered_at=day(2))
    order(con, 2, ANN, ordered_at=day(3))
    build(con)
    assert credit(con, "linear") == [("lead:ads:leads:1", 1, 10)]
    assert credit(con, "linear", 2) == [("customer_order:shop:orders:2", 1, 10)]


def test_an_order_of_nobody_has_its_own_visit(con: duckdb.DuckDBPyConnection) -> None:
    order(con, 1)
    order(con, 2)
    build(con)
    assert one(con, "SELECT count(DISTINCT order_key) FROM golden.attribution") == 2
    assert one(con, "SELECT count(*) FROM golden.attribution WHERE is_acquisition") == 0


EVENT = st.tuples(
    st.sampled_from(["order", "cancelled", "test", "lead"]),
    st.integers(0, 5),  # day; many at the same time
    st.sampled_from([None, PAGE, PAGE + "gclid=1", PAGE + "utm_source=x"]),
    st.sampled_from(["c_1", "c_2"]),
    st.integers(1, 99_999),
)


@given(st.lists(EVENT, max_size=12))
@settings(max_examples=20, deadline=None)
def test_weights_add_up_to_one_and_shares_to_the_net_amount(events: list[tuple[Any, ...]]) -> None:
    con = warehouse()
    owned = {"c_1": ["shop:customers:1"], "c_2": ["shop:customers:2"]}
    customers(con, owned)
    for number, (kind, at, url, who, cents) in enumerate(events):
        owner = owned[who][0]
        if kind == "lead":
            fact(con, "lead", f"ads:leads:{number}", owner, submitted_at=day(at))
        else:
            status, amount = "cancelled" if kind == "cancelled" else "paid", Decimal(cents) / 100
            order(
                con, number, owner, ordered_at=day(at), landing_url=url, status=status, is_test=kind == "test", gross_amount=amount
            )
    build(con)
    wrong = ask(
        con,
        "SELECT o.order_key, m.model, sum(a.weight) FROM golden.customer_order o CROSS JOIN"
        " (VALUES ('first_touch'), ('last_non_direct'), ('linear')) m(model)"
        " LEFT JOIN golden.attribution a ON a.order_key = o.order_key AND a.model = m.model WHERE o.is_counted"
        " GROUP BY o.order_key, m.model, o.net_amount_base"
        " HAVING sum(a.weight) IS DISTINCT FROM 1 OR sum(a.attributed_net_base) IS DISTINCT FROM o.net_amount_base",
    )
    assert wrong == []
    keys = "SELECT count(*) - count(DISTINCT (order_key, model, touchpoint_key)) FROM golden.attribution"
    assert one(con, keys) == 0
    assert one(con, "SELECT count(*) FROM golden.attribution a ANTI JOIN golden.customer_order o"
                    " ON o.order_key = a.order_key AND o.is_counted") == 0  # fmt: skip
    con.close()
