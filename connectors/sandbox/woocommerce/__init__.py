"""A WooCommerce shop on a WordPress site, with high-performance order storage, beside the first four systems.

books is what the shop keeps, story how people come to it, shapes and api how it answers over HTTP, parameters and signature what a
request may say.
"""

from connectors.sandbox.systems import System
from connectors.sandbox.woocommerce.api import WooApi
from connectors.sandbox.woocommerce.books import WooBooks
from connectors.sandbox.woocommerce.shapes import SHOP_URL
from connectors.sandbox.woocommerce.signature import CONSUMER_KEY, CONSUMER_SECRET
from connectors.sandbox.woocommerce.story import day, past
from connectors.sandbox.woocommerce.writes import WRITES

SYSTEM = System(
    name="woocommerce",
    books=WooBooks,
    past=past,
    day=day,
    writes=WRITES,
    api=WooApi,
    counts=WooBooks.counts,
    source={
        "type": "woocommerce",
        "url": SHOP_URL,
        "consumer_key": "${WOOCOMMERCE_KEY}",
        "consumer_secret": "${WOOCOMMERCE_SECRET}",
    },
    env={"WOOCOMMERCE_KEY": CONSUMER_KEY, "WOOCOMMERCE_SECRET": CONSUMER_SECRET},
)

__all__ = ["SYSTEM"]
