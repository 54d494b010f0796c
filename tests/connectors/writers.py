"""Vendors as the suite of writers drives them: over the sandbox's protocol, with books that hold only what a test puts there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.writeback import ValueKind
from tests.connectors.conformance.counterpart import Counterpart
from tests.connectors.conformance.freshdesk import Contacts as FreshdeskContacts
from tests.connectors.conformance.shopify import Customers as ShopifyCustomers
from tests.connectors.conformance.stripe import Customers as StripeCustomers
from tests.connectors.conformance.woocommerce import Customers as WooCustomers
from tests.connectors.conformance.xero import Contacts as XeroContacts
from tests.connectors.conformance.zendesk import Users as ZendeskUsers
from tests.loopback import Reply, Request

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
        spoil: (counterpart, record) -> None; makes it refuse that record, for vendors to whom any value is good.
    """

    counterpart: type[Counterpart]
    kinds: Mapping[str, ValueKind]
    held: Callable[[Any, str, str], Any]
    put: Callable[[Any, str, str, Any], None]
    writes: Callable[[Request], bool]
    calls: Callable[[int], int]
    bad: tuple[str, str]
    changed: Callable[[Any, str], datetime] | None = None
    spoil: Callable[[Any, str], None] = lambda vendor, record: None

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

# woocommerce -----------------------------------------------------------------------------------------------------


def _meta(vendor: Any, record: str, name: str) -> Any:
    entries = vendor.books.customers.get(record)["meta_data"]
    return next((entry["value"] for entry in entries if entry["key"] == name.removeprefix("meta_data.")), None)


def _meta_put(vendor: Any, record: str, name: str, value: Any) -> None:
    entry = {"key": name.removeprefix("meta_data."), "value": str(value)}
    vendor.books.update_customer(vendor.time, record, {"meta_data": [entry]})


def _refused_in_a_batch(vendor: Any, record: str) -> None:
    def refuse(request: Request, reply: Reply) -> Reply:
        if not request.path.endswith("/batch"):
            return reply
        body = json.loads(reply.body)
        error = {"code": "woocommerce_rest_invalid_meta", "message": "No: crm-17", "data": {"status": 400}}
        body["update"] = [{"id": row["id"], "error": error} if str(row["id"]) == record else row for row in body["update"]]
        return Reply(body)

    vendor.after.append(refuse)


def _changed(held: Any) -> int:
    return int(held["modified"] or held["created"])


WOOCOMMERCE = Case(
    WooCustomers,
    {"meta_data.common_id": "text", "meta_data.open_tickets": "integer"},
    _meta,
    _meta_put,
    lambda request: request.method in ("PUT", "POST"),
    lambda records: 2 * -(-records // 100),
    ("meta_data.common_id", "crm-17"),
    lambda vendor, record: datetime.fromtimestamp(_changed(vendor.books.customers.get(record)), UTC),
    _refused_in_a_batch,
)

# freshdesk -------------------------------------------------------------------------------------------------------


def _contact(vendor: Any, record: str, name: str) -> Any:
    held = vendor.books.contacts.get(record)
    return held["custom_fields"].get(name.removeprefix("custom_fields.")) if "." in name else held[name]


def _contact_put(vendor: Any, record: str, name: str, value: Any) -> None:
    custom = {"custom_fields": {name.removeprefix("custom_fields."): value}}
    vendor.books.update_contact(vendor.time, record, custom if "." in name else {name: value})


FRESHDESK = Case(
    FreshdeskContacts,
    {"custom_fields.common_customer_id": "text", "custom_fields.open_tickets": "integer", "unique_external_id": "text"},
    _contact,
    _contact_put,
    lambda request: request.method == "PUT",
    lambda records: 2 * records,
    ("unique_external_id", "taken"),
    lambda vendor, record: datetime.fromisoformat(vendor.books.contacts.get(record)["updated_at"]),
)

# xero ------------------------------------------------------------------------------------------------------------


def _xero_put(vendor: Any, record: str, name: str, value: Any) -> None:
    vendor.books.update_contact(vendor.time, record, {name: str(value)})


XERO = Case(
    XeroContacts,
    {"ContactNumber": "text", "AccountNumber": "text"},
    lambda vendor, record, name: vendor.books.contacts.get(record).get(name),
    _xero_put,
    lambda request: request.method == "POST" and request.path.endswith("/Contacts"),
    # a token, then what they hold and the change, fifty at a time
    lambda records: 1 + 2 * -(-records // 50),
    ("ContactNumber", "taken"),
    lambda vendor, record: datetime.fromtimestamp(vendor.books.changed[record] / 1000, UTC),
)

CASES = {
    "freshdesk": FRESHDESK,
    "shopify": SHOPIFY,
    "stripe": STRIPE,
    "woocommerce": WOOCOMMERCE,
    "xero": XERO,
    "zendesk": ZENDESK,
}
