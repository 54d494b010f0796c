"""The lines of an order: what of its discount and tax falls on which. The parts add up to the whole, to the cent.

An order's discount is spread over its lines by what they cost, its tax by what is left; what rounding leaves over goes to the first
lines. A line's ID, and the stock number of what was sold, follow from the order and the title, so that nothing is drawn for them.
"""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, Decimal

from connectors.sandbox.shelf import Object

_CENT = Decimal("0.01")
_LINES_AT_MOST = 1_000


def lines_of(order: Object) -> list[Object]:
    """The lines of an order as the books hold it."""
    totals = [item["price"] * item["quantity"] for item in order["items"]]
    discounts = spread(order["discounts"], totals)
    taxes = spread(order["tax"], [total - discount for total, discount in zip(totals, discounts, strict=True)])
    # what was cancelled or wholly given back is no longer part of the order; of a partial refund nobody said for which goods
    gone = order["cancelledAt"] is not None or order["financial"] == "REFUNDED"
    return [
        {
            "number": order["number"] * _LINES_AT_MOST + place,
            "title": item["title"],
            "sku": item.get("sku") or stock_number(item["title"]),
            "quantity": item["quantity"],
            "currentQuantity": 0 if gone else item["quantity"],
            "currency": order["currency"],
            "price": item["price"],
            "total": totals[place],
            "discount": discounts[place],
            "tax": taxes[place],
        }
        for place, item in enumerate(order["items"])
    ]


def stock_number(title: str) -> str:
    """CAST-IRON-PAN, for "Cast iron pan"."""
    return re.sub(r"[^A-Z0-9]+", "-", title.upper()).strip("-") or "ITEM"


def spread(amount: Decimal, over: list[Decimal]) -> list[Decimal]:
    """An amount in cents, in parts as large as the shares."""
    whole = sum(over, Decimal(0))
    if not amount or not whole:
        return [Decimal(0)] * len(over) if not amount or not over else [amount, *[Decimal(0)] * (len(over) - 1)]
    parts = [(amount * share / whole).quantize(_CENT, ROUND_DOWN) for share in over]
    left = amount - sum(parts, Decimal(0))
    for place in range(len(parts)):
        step = min(left, _CENT)
        parts[place] += step
        left -= step
    parts[0] += left
    return parts
