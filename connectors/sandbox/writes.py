"""What comes in through the vendors' write APIs, by name, so that the journal can keep it and replay it.

Every write takes the world, a time and arguments that JSON can hold. A refusal is raised before anything has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connectors.sandbox.accounts import STREAM_OF
from connectors.sandbox.shelf import Object
from connectors.sandbox.shopify_metafields import delete_all, set_all
from connectors.sandbox.support import solve
from connectors.sandbox.world import Account, World


def _enter(world: World, system: str, stream: str, key: str, email: str | None, at: int) -> None:
    world.enter(Account(system, stream, key, world.entity_behind(email), None, at), email)


# stripe ----------------------------------------------------------------------------------------------------------


def _stripe_create_customer(world: World, at: int, fields: Object, request: Object) -> Object:
    made = world.stripe.add_customer(at, fields, request)
    _enter(world, "stripe", "customers", made["id"], made["email"], at)
    return made


def _stripe_update_customer(world: World, at: int, key: str, fields: Object, request: Object) -> Object:
    return world.stripe.update_customer(at, key, fields, request)


def _stripe_delete_customer(world: World, at: int, key: str, request: Object) -> Object:
    gone = world.stripe.delete_customer(at, key, request)
    world.leave("stripe", "customers", key)
    return gone


def _stripe_delete_invoice(world: World, at: int, key: str, request: Object) -> Object:
    return world.stripe.delete_invoice(at, key, request)


# zendesk ---------------------------------------------------------------------------------------------------------


def _zendesk_create_user(world: World, at: int, fields: Object) -> Object:
    made = world.zendesk.add_user(at, fields)
    if made["role"] == "end-user":
        _enter(world, "zendesk", "users", str(made["id"]), made["email"], at)
    return made


def _zendesk_update_user(world: World, at: int, key: str, fields: Object) -> Object:
    return world.zendesk.update_user(at, key, fields)


def _zendesk_delete_user(world: World, at: int, key: str) -> Object:
    gone = world.zendesk.delete_user(at, key)
    world.leave("zendesk", "users", key)
    return gone


def _zendesk_create_ticket(world: World, at: int, requester: Object, subject: str, text: str, fields: Object) -> Object:
    """``requester`` has an id, or an email (and name) of somebody who becomes a user if unknown."""
    user = world.zendesk.users.get(str(requester["id"])) if "id" in requester else world.zendesk.user_by_email(requester["email"])
    if user is None:
        email = requester["email"]
        user = _zendesk_create_user(world, at, {"name": requester.get("name") or email.split("@")[0], "email": email})
    return world.zendesk.add_ticket(at, user["id"], subject, text, fields)


def _zendesk_update_ticket(world: World, at: int, key: str, fields: Object) -> Object:
    if fields.get("status") == "solved":
        solve(world, key, at)
    updated = world.zendesk.update_ticket(at, key, fields)
    return updated


def _zendesk_delete_ticket(world: World, at: int, key: str) -> None:
    world.zendesk.delete_ticket(at, key)


# shopify ---------------------------------------------------------------------------------------------------------


def _shopify_create_customer(world: World, at: int, fields: Object) -> Object:
    made = world.shopify.add_customer(at, fields)
    _enter(world, "shopify", STREAM_OF["shopify"], str(made["number"]), made["email"], at)
    return made


def _shopify_update_customer(world: World, at: int, key: str, fields: Object) -> Object:
    return world.shopify.update_customer(at, key, fields)


def _shopify_delete_customer(world: World, at: int, key: str) -> None:
    world.shopify.delete_customer(at, key)
    world.leave("shopify", "customers", key)


def _shopify_create_order(world: World, at: int, fields: Object, customer: Object | None) -> Object:
    """``customer`` has a key, or fields of somebody who becomes a customer if their e-mail or phone is unknown; None is a guest."""
    number = None
    if customer is not None and "key" in customer:
        number = int(customer["key"])
    elif customer is not None:
        found = world.shopify.find_customer(customer.get("email"), customer.get("phone"))
        number = (found or _shopify_create_customer(world, at, customer))["number"]
    items = [{**item, "price": Decimal(item["price"])} for item in fields["items"]]
    amounts = {name: Decimal(fields[name]) for name in ("discounts", "tax", "shippingPrice")}
    made = world.shopify.add_order(at, {**fields, **amounts, "items": items, "customer": number})
    if number is None:
        _enter(world, "shopify", "orders", str(made["number"]), made["email"], at)
    return made


def _shopify_set_metafields(world: World, at: int, metafields: list[Object]) -> list[Object]:
    return set_all(world.shopify, at, metafields)


def _shopify_delete_metafields(world: World, at: int, metafields: list[Object]) -> list[Object | None]:
    return delete_all(world.shopify, at, metafields)


WRITES: dict[str, Callable[..., Any]] = {
    "stripe.create_customer": _stripe_create_customer,
    "stripe.update_customer": _stripe_update_customer,
    "stripe.delete_customer": _stripe_delete_customer,
    "stripe.delete_invoice": _stripe_delete_invoice,
    "zendesk.create_user": _zendesk_create_user,
    "zendesk.update_user": _zendesk_update_user,
    "zendesk.delete_user": _zendesk_delete_user,
    "zendesk.create_ticket": _zendesk_create_ticket,
    "zendesk.update_ticket": _zendesk_update_ticket,
    "zendesk.delete_ticket": _zendesk_delete_ticket,
    "shopify.create_customer": _shopify_create_customer,
    "shopify.update_customer": _shopify_update_customer,
    "shopify.delete_customer": _shopify_delete_customer,
    "shopify.create_order": _shopify_create_order,
    "shopify.set_metafields": _shopify_set_metafields,
    "shopify.delete_metafields": _shopify_delete_metafields,
}
