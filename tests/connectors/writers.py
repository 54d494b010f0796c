"""Vendors as the suite of writers drives them: over the sandbox's protocol, with books that hold only what a test puts there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.writeback import ValueKind
from tests.connectors.conformance.counterpart import Counterpart
from tests.connectors.conformance.shopify import Customers as ShopifyCustomers
from tests.connectors.conformance.stripe import Customers as StripeCustomers
from tests.connectors.conformance.zendesk import Users as ZendeskUsers
from tests.loopback import Request

ID = "c_" + "a" * 26
OTHER_ID = "c_" + "b" * 26


@dataclass(frozen=True)
class Case:
    """One vendor.

    Attributes:
        counterpart: its server.
        kinds: two fields or more that are written: the first one takes an ID, the second one a number of tickets.
        held: (counterpart, record, field) -> what its books say.
        put: (counterpart, record, field, value) -> None; somebody else writes into its books.
        writes: whether a request writes.
        calls: number of records -> requests to write two fields into each of them, and to learn before that they lack them.
        bad: a field and a value that the vendor refuses for one record, whatever the others get.
        changed: (counterpart, record) -> when its books say it changed; None where the vendor's records do not say.
    """

    counterpart: type[Counterpart]
    kinds: Mapping[str, ValueKind]
    held: Callable[[Any, str, str], Any]
    put: Callable[[Any, str, str, Any], None]
    writes: Callable[[Request], bool]
    calls: Callable[[int], int]
    bad: tuple[str, str]
    changed: Callable[[Any, str], datetime] | None = None

    @property
    def id_field(self) -> str:
        """The field for the ID."""
        return next(iter(self.kinds))

    @property
    def number_field(self) -> str:
        """The field for the number."""
        return list(self.kinds)[1]


# stripe ----------------------------------------------------------------------------------------------------------


def _stripe_put(vendor: Any, record: str, name: str, value: Any) -> None:
    vendor.books.update_customer(vendor.time, record, {"metadata": {name.removeprefix("metadata."): str(value)}})


STRIPE = Case(
    StripeCustomers,
    {"metadata.common_id": "text", "metadata.open_tickets": "integer"},
    lambda vendor, record, name: vendor.books.customers.get(record)["metadata"].get(name.removeprefix("metadata.")),
    _stripe_put,
    lambda request: request.method == "POST",
    lambda records: 2 * records,
    ("metadata.common_id", "x" * 501),
)

# shopify ---------------------------------------------------------------------------------------------------------


def _metafield(vendor: Any, record: str, name: str) -> Any:
    namespace, _, key = name.partition(".")
    held = vendor.books.metafields.get(f"gid://shopify/Customer/{record} {namespace} {key}")
    return held and held["value"]


def _shopify_put(vendor: Any, record: str, name: str, value: Any) -> None:
    namespace, _, key = name.partition(".")
    kind = "number_integer" if name.endswith("tickets") else "single_line_text_field"
    vendor.books.set_metafield(vendor.time, f"gid://shopify/Customer/{record}", namespace, key, kind, str(value))


def _shopify_writes(request: Request) -> bool:
    return "mutation" in json.loads(request.body)["query"]


SHOPIFY = Case(
    ShopifyCustomers,
    {"customer_hub.common_id": "text", "customer_hub.open_tickets": "integer"},
    _metafield,
    _shopify_put,
    _shopify_writes,
    # 50 customers a question; of two metafields each, twelve customers a change
    lambda records: -(-records // 50) + -(-records // 12),
    ("customer_hub.common_id", "two\nlines"),
    lambda vendor, record: datetime.fromtimestamp(vendor.books.customers.get(record)["updatedAt"], UTC),
)

# zendesk ---------------------------------------------------------------------------------------------------------


def _zendesk_held(vendor: Any, record: str, name: str) -> Any:
    user = vendor.books.users.get(record)
    return user["user_fields"].get(name.removeprefix("user_fields.")) if "." in name else user[name]


def _zendesk_put(vendor: Any, record: str, name: str, value: Any) -> None:
    user_field = {"user_fields": {name.removeprefix("user_fields."): value}}
    vendor.books.update_user(vendor.time, record, user_field if "." in name else {name: value})


ZENDESK = Case(
    ZendeskUsers,
    {"user_fields.common_customer_id": "text", "user_fields.open_tickets": "integer", "external_id": "text"},
    _zendesk_held,
    _zendesk_put,
    lambda request: request.method == "PUT",
    # what they hold, the job, asking for it twice, what they hold now; one alone needs no job
    lambda records: 2 if records == 1 else 5 * -(-records // 100),
    ("external_id", "taken"),
    lambda vendor, record: datetime.fromisoformat(vendor.books.users.get(record)["updated_at"]),
)

CASES = {"stripe": STRIPE, "shopify": SHOPIFY, "zendesk": ZENDESK}
