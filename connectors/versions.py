"""The vendors' API versions that the connectors are written for, and until when each is served. Data; look the dates up anew with
every change of a pin. A vendor without dated versions has no entry with an end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

WARN_DAYS = 60


@dataclass(frozen=True)
class ApiVersion:
    """One pin.

    Attributes:
        version: as the connector sends it.
        served_until: the last day on which the vendor has promised to serve it, or is expected to; None where it names no end.
        basis: where that is from, or how it was reckoned.
    """

    version: str
    served_until: date | None
    basis: str


VERSIONS: dict[str, ApiVersion] = {
    "stripe": ApiVersion("2026-10-28.endive", None, "no end is named for dated versions (docs.stripe.com/api/versioning)"),
    "shopify": ApiVersion("2026-10", date(2027, 9, 30), "served for 12 months at least (shopify.dev, API versioning)"),
    "google_ads": ApiVersion("v26", date(2027, 10, 14), "reckoned: earlier ones were served for 12 months"),
    "meta": ApiVersion("v26.0", date(2027, 7, 29), "reckoned: earlier ones were served for 12 to 13 months; no end is named yet"),
    "woocommerce": ApiVersion("wc/v3", None, "part of WooCommerce since 3.5; no end is named (WooCommerce REST API docs)"),
    "freshdesk": ApiVersion("v2", None, "an older one is served for six months after the next comes; none is announced"),
    "xero": ApiVersion("2.0", None, "the accounting API has had this version since 2012; no end is named"),
    "zendesk": ApiVersion("v2", None, "there is one version"),
}


def warning(type_name: str, today: date) -> str | None:
    """What to tell people from `WARN_DAYS` before the end on; None before that, and where no end is named."""
    pin = VERSIONS.get(type_name)
    if pin is None or pin.served_until is None or (left := (pin.served_until - today).days) > WARN_DAYS:
        return None
    when = f"ends in {left} days, on {pin.served_until}" if left >= 0 else f"ended on {pin.served_until}"
    return f"API version {pin.version} {when}; upgrade customer-hub to a release that uses a newer one"
