"""What comes in through Freshdesk's API, by name, as the journal keeps it. A refusal is raised before anything has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.sandbox.freshdesk.books import DELETED, LIVE, FreshdeskBooks
from connectors.sandbox.shelf import Object
from connectors.sandbox.world import Account, World


def books_of(world: World) -> FreshdeskBooks:
    """Freshdesk's books in a world."""
    books: FreshdeskBooks = world.books["freshdesk"]
    return books


def enter(world: World, contact: Object, at: int) -> None:
    """A contact came into being whose owner this world does not play."""
    key = str(contact["id"])
    world.enter(Account("freshdesk", "contacts", key, world.entity_behind(contact["email"]), None, at), contact["email"])


def _create_contact(world: World, at: int, fields: Object) -> Object:
    made = books_of(world).add_contact(at, fields)
    enter(world, made, at)
    return made


def _update_contact(world: World, at: int, key: str, fields: Object) -> Object:
    return books_of(world).update_contact(at, key, fields)


def _delete_contact(world: World, at: int, key: str) -> None:
    books_of(world).set_state(at, key, DELETED)
    world.leave("freshdesk", "contacts", key)


def _restore_contact(world: World, at: int, key: str) -> None:
    enter(world, books_of(world).set_state(at, key, LIVE), at)


def _erase_contact(world: World, at: int, key: str, force: bool) -> None:
    books_of(world).erase_contact(at, key, force)
    world.leave("freshdesk", "contacts", key)


def _merge_contacts(world: World, at: int, primary: str, secondary: list[str], fields: Object) -> None:
    books_of(world).merge_contacts(at, primary, secondary, fields)
    for key in secondary:
        world.leave("freshdesk", "contacts", key)


def _create_ticket(world: World, at: int, requester: Object, fields: Object) -> Object:
    """``requester`` has an id, or an email, phone or unique_external_id (and name) of somebody who becomes a contact if unknown."""
    books = books_of(world)
    if "id" in requester:
        return books.add_ticket(at, requester["id"], fields)
    found = books.contact_by("email", requester.get("email")) or books.contact_by(
        "unique_external_id", requester.get("unique_external_id")
    )
    if found is None:
        name = requester.get("name") or str(requester.get("email") or requester.get("phone")).split("@")[0]
        found = _create_contact(world, at, {**requester, "name": name})
    return books.add_ticket(at, found["id"], fields)


def _update_ticket(world: World, at: int, key: str, fields: Object) -> Object:
    return books_of(world).update_ticket(at, key, fields)


def _set_ticket_apart(world: World, at: int, key: str, flag: str, value: bool) -> None:
    books_of(world).set_apart(at, key, flag, value)


def _rate_ticket(world: World, at: int, key: str, ratings: Object, feedback: str | None) -> Object:
    return books_of(world).rate(at, key, ratings, feedback)


WRITES: dict[str, Callable[..., Any]] = {
    "freshdesk.create_contact": _create_contact,
    "freshdesk.update_contact": _update_contact,
    "freshdesk.delete_contact": _delete_contact,
    "freshdesk.restore_contact": _restore_contact,
    "freshdesk.erase_contact": _erase_contact,
    "freshdesk.merge_contacts": _merge_contacts,
    "freshdesk.create_ticket": _create_ticket,
    "freshdesk.update_ticket": _update_ticket,
    "freshdesk.set_ticket_apart": _set_ticket_apart,
    "freshdesk.rate_ticket": _rate_ticket,
}
