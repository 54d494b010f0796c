"""The sandbox's WooCommerce answers have the fields and types of those recorded from a real WooCommerce 11.0.1."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox import SandboxHandle
from tests.sandbox.conftest import Vendor
from tests.sandbox.test_woocommerce_protocol import API, place, vendor

RECORDED = ("woocommerce_11.0.1_recorded.json", "woocommerce_11.0.1_recorded_hpos.json")


@pytest.fixture(scope="module")
def api(shared: SandboxHandle) -> Vendor:
    return vendor(shared)


@pytest.fixture(scope="module", params=RECORDED)
def recorded(specs: Path, request: pytest.FixtureRequest) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = json.loads((specs / request.param).read_text(encoding="utf-8"))
    return found


Shape = dict[str, set[str]]


def shape(records: list[Any]) -> Shape:
    """Path of every field -> the JSON types it has; of lists, what their members look like."""
    found: Shape = {}

    def look(path: str, value: Any) -> None:
        kind = {"int": "number", "float": "number", "NoneType": "null"}.get(type(value).__name__, type(value).__name__)
        found.setdefault(path, set()).add(kind)
        if isinstance(value, dict):
            for name, part in value.items():
                look(f"{path}.{name}", part)
        for part in value if isinstance(value, list) else ():
            look(f"{path}[]", part)

    for record in records:
        look("", record)
    return found


def whole(api: Vendor, kind: str) -> list[Any]:
    found: list[Any] = api.get(f"{API}/{kind}", per_page=100, **({"role": "all"} if kind == "customers" else {})).json()
    assert len(found) > 20
    return found


@pytest.mark.parametrize("kind", ["customers", "orders"])
def test_every_recorded_field_is_there_with_its_type_and_no_other(api: Vendor, recorded: dict[str, list[Any]], kind: str) -> None:
    ours, real = shape(whole(api, kind)), shape(recorded[kind])
    assert real.keys() - ours.keys() == set()
    # of lists that were empty at the real shop (refunds, shipping lines) it cannot say what is in them
    unseen = {path for path in ours.keys() - real.keys() if not any(path.startswith(f"{empty}[]") for empty in real)}
    assert unseen == set()
    for path, kinds in real.items():
        if kinds != {"null"}:
            assert ours[path] - {"null"} <= kinds, path


@pytest.mark.parametrize("kind", ["customers", "orders"])
def test_the_fields_come_in_the_recorded_order(api: Vendor, recorded: dict[str, list[Any]], kind: str) -> None:
    assert list(whole(api, kind)[0]) == list(recorded[kind][0])


@pytest.mark.parametrize(
    ("kind", "name", "pattern"),
    [
        ("orders", "date_created_gmt", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"),
        ("orders", "total", r"\d+\.\d\d"),
        ("orders", "number", r"\d+"),
        ("orders", "order_key", r"wc_order_[A-Za-z0-9]{13}"),
        ("orders", "payment_url", r"https://[^/]+/checkout/order-pay/\d+/\?pay_for_order=true&key=wc_order_\w+"),
        ("customers", "date_modified_gmt", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"),
        ("customers", "avatar_url", r"https://secure\.gravatar\.com/avatar/[0-9a-f]{64}\?s=96&d=mm&r=g"),
    ],
)
def test_texts_are_written_as_the_real_shop_writes_them(
    api: Vendor, recorded: dict[str, list[Any]], kind: str, name: str, pattern: str
) -> None:
    assert all(re.fullmatch(pattern, record[name]) for record in recorded[kind]), "the real ones are not written so"
    assert all(re.fullmatch(pattern, record[name]) for record in whole(api, kind))


def test_yen_have_the_shops_decimals_too(api: Vendor, recorded: dict[str, list[Any]]) -> None:
    place(api, currency="JPY")
    for orders in (recorded["orders"], whole(api, "orders")):
        yen = [order["total"] for order in orders if order["currency"] == "JPY"]
        assert yen
        assert all(re.fullmatch(r"\d+\.\d\d", total) for total in yen)
