"""What can be written through Xero's API, by name, see ../writes.py."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connectors.sandbox.shelf import Object
from connectors.sandbox.world import Account, World
from connectors.sandbox.xero.story import NAME, books_of


def _save_contact(world: World, at: int, key: str | None, fields: Object) -> Object:
    """A new contact, or changes of one. Whoever is billed later is known by the mailbox."""
    books = books_of(world)
    return books.add_contact(at, fields) if key is None else books.update_contact(at, key, fields)


def _add_invoice(world: World, at: int, contact: str, kind: str, currency: str, lines: list[list[str]], fields: Object) -> Object:
    """A new invoice; ``lines`` are (description, amount without tax, tax). A contact that is billed first becomes a customer."""
    books = books_of(world)
    typed = [(text, Decimal(net), Decimal(tax)) for text, net, tax in lines]
    made = books.add_invoice(at, contact, kind, currency, typed, fields)
    if kind == "ACCREC" and (NAME, "contacts", contact) not in world.accounts:
        email = (books.contacts.get(contact) or {}).get("EmailAddress") or None
        world.enter(Account(NAME, "contacts", contact, world.entity_behind(email), None, at), email)
    return made


def _set_invoice_status(world: World, at: int, key: str, status: str) -> Object:
    return books_of(world).set_status(at, key, status)


WRITES: dict[str, Callable[..., Any]] = {
    "xero.save_contact": _save_contact,
    "xero.add_invoice": _add_invoice,
    "xero.set_invoice_status": _set_invoice_status,
}
