"""`type:` in hub.yaml -> connector. Adding a connector is adding its line here.

Modules are imported when a source of their type is used, so that a hub pays for what it has.
"""

from __future__ import annotations

import difflib
from importlib import import_module

from connectors.contract import Connector
from hub.contract.errors import ConfigError

_CONNECTORS = {
    "files": "connectors.files.connector:FilesConnector",
    "freshdesk": "connectors.ticketing.freshdesk:FreshdeskConnector",
    "google_ads": "connectors.ads.google_ads:GoogleAdsConnector",
    "meta": "connectors.ads.meta:MetaConnector",
    "shopify": "connectors.ecommerce.shopify:ShopifyConnector",
    "sql": "connectors.databases.connector:SqlConnector",
    "stripe": "connectors.invoicing.stripe:StripeConnector",
    "vendure": "connectors.ecommerce.vendure:VendureConnector",
    "woocommerce": "connectors.ecommerce.woocommerce:WooCommerceConnector",
    "xero": "connectors.invoicing.xero:XeroConnector",
    "zendesk": "connectors.ticketing.zendesk:ZendeskConnector",
}


def types() -> tuple[str, ...]:
    """The known source types."""
    return tuple(_CONNECTORS)


def connector_class(type_name: str, *, source: str | None = None) -> type[Connector]:
    """The connector for a type. Raises `ConfigError` that names the nearest known type."""
    try:
        module, _, name = _CONNECTORS[type_name].partition(":")
    except KeyError:
        near = difflib.get_close_matches(type_name, _CONNECTORS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known types are {', '.join(_CONNECTORS)}"
        raise ConfigError(f"unknown source type {type_name!r}", source=source, field="type", remedy=hint) from None
    found: type[Connector] = getattr(import_module(module), name)
    return found
