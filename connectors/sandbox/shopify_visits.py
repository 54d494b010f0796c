"""The visit that led to an order, as GraphQL shows it, with the click ID that an advertising platform put on its link.

Most visits that an advertisement paid for bear one; which do, and what it is, hangs on the order's number alone.
"""

from __future__ import annotations

from connectors.sandbox.draw import number_below, token
from connectors.sandbox.shelf import Object
from connectors.sandbox.zendesk_books import iso

MARKED = 90  # of a hundred
# by the source and medium of the link
_CLICK_ID = {("google", "cpc"): "gclid", ("instagram", "social"): "fbclid"}


def visited(order: Object, seed: int) -> Object | None:
    """The visit, None where there was none."""
    visit = order.get("visit")
    if visit is None:
        return None
    utm = visit["utm"]
    return {
        "__typename": "CustomerVisit",
        "id": f"gid://shopify/CustomerVisit/{order['number']}",
        "landingPage": visit["landingPage"] + _click_id(order, seed),
        "referrerUrl": visit["referrerUrl"],
        "occurredAt": iso(visit["at"]),
        "source": visit["source"],
        "sourceDescription": None,
        "sourceType": "AD" if utm and utm["medium"] == "cpc" else None,
        "utmParameters": {**utm, "content": None, "term": None} if utm else None,
    }


def _click_id(order: Object, seed: int) -> str:
    utm = order["visit"]["utm"]
    kind = _CLICK_ID.get((utm["source"], utm["medium"])) if utm else None
    if kind is None or number_below(seed, "shopify marked visit", order["number"], 100) >= MARKED:
        return ""
    return f"&{kind}={token(seed, f'shopify {kind}', order['number'], 43)}"
