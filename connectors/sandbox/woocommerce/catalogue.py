"""What the shop sells."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from connectors.sandbox.commerce import PRODUCTS


@dataclass(frozen=True, slots=True)
class Product:
    """A product; the price is in US dollars, without tax."""

    number: int
    sku: str
    name: str
    price: Decimal


CATALOGUE = tuple(
    Product(100 + place, f"SG-{place:03d}", title, Decimal(price)) for place, (title, price) in enumerate(PRODUCTS, 1)
)
BY_ID = {product.number: product for product in CATALOGUE}
