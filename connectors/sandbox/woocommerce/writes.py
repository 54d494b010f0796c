"""What comes in through the shop's own API, by name, so that the journal can keep it and replay it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connectors.sandbox.shelf import Object
from connectors.sandbox.woocommerce.books import WooBooks
from connectors.sandbox.world import Account, World


def _books(world: World) -> WooBooks:
    books: WooBooks = world.books["woocommerce"]
    return books


def _enter(world: World, stream: str, key: str, email: str | None, at: int) -> None:
    world.enter(Account("woocommerce", stream, key, world.entity_behind(email), None, at), email)


def _create_customer(world: World, at: int, fields: Object) -> Object:
    made = _books(world).add_customer(at, fields)
    _enter(world, "customers", str(made["id"]), made["email"], at)
    return made


def _update_customer(world: World, at: int, key: str, fields: Object) -> Object:
    return _books(world).update_customer(at, key, fields)


def _delete_customer(world: World, at: int, key: str) -> Object:
    books = _books(world)
    orphans = list(books.orders_of.get(int(key), ()))
    gone = books.delete_customer(at, key)
    account = world.accounts.get(("woocommerce", "customers", key))
    world.leave("woocommerce", "customers", key)
    # what they ordered is now all that is known of them
    for order in orphans:
        if account and order["status"] != "trash":
            world.enter(Account("woocommerce", "orders", str(order["id"]), account.entity_id, account.owner, at), None)
    return gone


def _create_order(world: World, at: int, fields: Object) -> Object:
    lines = [{**line, **{name: Decimal(line[name]) for name in ("subtotal", "total", "tax")}} for line in fields["lines"]]
    made = _books(world).add_order(at, {**fields, "lines": lines, "shipping_total": Decimal(fields["shipping_total"])})
    if not made["customer"]:
        _enter(world, "orders", str(made["id"]), made["billing"].get("email"), at)
    return made


def _update_order(world: World, at: int, key: str, fields: Object) -> Object:
    before = _books(world).order(key, 400)["customer"]
    held = _books(world).update_order(at, key, fields)
    if before and not held["customer"]:
        _enter(world, "orders", key, held["billing"].get("email"), at)
    elif held["customer"] and not before:
        world.leave("woocommerce", "orders", key)
    return held


def _trash_order(world: World, at: int, key: str) -> Object:
    held = _books(world).trash_order(at, key)
    world.leave("woocommerce", "orders", key)
    return held


def _erase_order(world: World, at: int, key: str) -> Object:
    gone = _books(world).erase_order(at, key)
    world.leave("woocommerce", "orders", key)
    return gone


def _create_refund(world: World, at: int, key: str, amount: str, reason: str) -> Object:
    return _books(world).add_refund(at, key, Decimal(amount), reason)


def _delete_refund(world: World, at: int, key: str, number: str) -> Object:
    return _books(world).delete_refund(at, key, number)


WRITES: dict[str, Callable[..., Any]] = {
    "woocommerce.create_customer": _create_customer,
    "woocommerce.update_customer": _update_customer,
    "woocommerce.delete_customer": _delete_customer,
    "woocommerce.create_order": _create_order,
    "woocommerce.update_order": _update_order,
    "woocommerce.trash_order": _trash_order,
    "woocommerce.erase_order": _erase_order,
    "woocommerce.create_refund": _create_refund,
    "woocommerce.delete_refund": _delete_refund,
}
