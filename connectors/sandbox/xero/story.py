"""What happens in Xero: who becomes a contact, is billed, pays, is credited; contacts that merge, are archived or are forgotten.

About 10 % of people and 75 % of companies are billed here; some companies are suppliers, and a few of these become customers later.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

from connectors.sandbox.commerce import SERVICES
from connectors.sandbox.contacts import contact_of
from connectors.sandbox.draw import chance, some, stream, weighted
from connectors.sandbox.money import CURRENCY_OF, converted, rounded
from connectors.sandbox.people import Company, Owner
from connectors.sandbox.population import DAY
from connectors.sandbox.shelf import Object
from connectors.sandbox.world import Account, Action, World
from connectors.sandbox.xero.books import XeroBooks
from connectors.sandbox.xero.entries import fields_of
from connectors.sandbox.xero.values import due_on

NAME = "xero"
PEOPLE, COMPANIES, TWICE, SUPPLIERS = 0.10, 0.75, 0.04, 0.12
TAX = Decimal("0.20")
# happenings per person and day; each happens at least once in however small a world
ENTRIES, BILLS, TOLD, CREDITS, UNPAID = 0.0006, 0.002, 0.0008, 0.0003, 0.0002
MERGES, ARCHIVES, FORGOTTEN, ENLISTED = 0.0002, 0.0003, 0.0001, 0.0001
Happening = Callable[[World, int, Random], None]


def books_of(world: World) -> XeroBooks:
    """The organisation's books."""
    books: XeroBooks = world.books[NAME]
    return books


# the past and the days -------------------------------------------------------------------------------------------


def past(world: World, end: int) -> None:
    """Put on the agenda how the first contacts came, and what became of them."""
    rng = stream(world.seed, NAME, "history")
    for owners, share in ((world.population.people, PEOPLE), (world.population.companies, COMPANIES)):
        for owner in owners:
            if chance(rng, share):
                for _ in range(2 if chance(rng, TWICE) else 1):
                    _plan(world, _between(owner.joined, end, rng), _entering(owner), rng)
    for company in world.population.companies:
        if chance(rng, SUPPLIERS):
            _plan(world, _between(company.joined, end, rng), _supplying(company), rng)
    for number, (happening, _) in enumerate(_LATER):
        for _ in range(2):
            _plan(world, end - (number + 1) * 3 * DAY, happening, rng)


def day(world: World, number: int, start: int, end: int) -> None:
    """Put on the agenda what one more day brings."""
    rng = stream(world.seed, NAME, "day", number)
    people = len(world.population.people)
    for happening, rate in ((_entry, ENTRIES), (_bill_someone, BILLS), (_tell, TOLD), *_LATER):
        for _ in range(max(1, round(people * rate))):
            _plan(world, rng.randrange(start, end), happening, rng)


def _plan(world: World, at: int, happening: Happening, rng: Random) -> None:
    world.later(at, lambda t: happening(world, t, rng))


def _between(start: int, end: int, rng: Random) -> int:
    return rng.randrange(min(start, end - 2), end)


# contacts --------------------------------------------------------------------------------------------------------


def _entry(world: World, at: int, rng: Random) -> None:
    owner: Owner = rng.choice(world.population.companies) if chance(rng, 0.4) else rng.choice(world.population.people)
    enter(world, owner, at, rng)


def _entering(owner: Owner) -> Happening:
    return lambda world, at, rng: enter(world, owner, at, rng)


def enter(world: World, owner: Owner, at: int, rng: Random) -> None:
    """The owner becomes a contact and is billed at once, and from time to time after that."""
    contact = contact_of(owner, "stripe", at, rng)
    key = books_of(world).add_contact(at, fields_of(books_of(world), contact, rng))["ContactID"]
    world.enter(Account(NAME, "contacts", key, owner.entity_id, owner, at), contact.email)
    _bill(world, key, owner, at + 60, rng)
    for _ in range(some(rng, 2.0, 8)):
        _plan(world, at + rng.randrange(DAY, 500 * DAY), lambda w, t, r: _bill(w, key, owner, t, r), rng)


def _supplying(company: Company) -> Happening:
    def happen(world: World, at: int, rng: Random) -> None:
        books = books_of(world)
        contact = contact_of(company, "stripe", at, rng)
        key = books.add_contact(at, fields_of(books_of(world), contact, rng))["ContactID"]
        service, price = rng.choice(SERVICES)
        net = converted(Decimal(price), "USD", "GBP")
        books.add_invoice(at + 30, key, "ACCPAY", "GBP", [(service, net, rounded(net * TAX, "GBP"))], {"Status": "AUTHORISED"})

    return happen


def _someone(world: World, rng: Random) -> Account | None:
    living = [a for a in world.live(NAME, "contacts") if (books_of(world).contacts.get(a.key) or {})["ContactStatus"] == "ACTIVE"]
    return rng.choice(living) if living else None


def _tell(world: World, at: int, rng: Random) -> None:
    """Somebody gives their e-mail and address anew."""
    account = _someone(world, rng)
    if account is None or account.owner is None:
        return
    contact = contact_of(account.owner, "stripe", at, rng)
    told = {
        name: value
        for name, value in fields_of(books_of(world), contact, rng).items()
        if name in ("EmailAddress", "Addresses", "Phones")
    }
    books_of(world).update_contact(at, account.key, told)
    world.note_email(account.entity_id, contact.email)


def _merge(world: World, at: int, rng: Random) -> None:
    """A bookkeeper merges two contacts of one owner; where there is no second one, it comes first."""
    first = _someone(world, rng)
    if first is None or first.owner is None:
        return
    if not _merge_twin(world, first, at):
        _plan(world, at + 60, _entering(first.owner), rng)
        _plan(world, at + 7_200, _merging(first), rng)


def _merging(first: Account) -> Happening:
    def happen(world: World, at: int, rng: Random) -> None:
        _merge_twin(world, first, at)

    return happen


def _merge_twin(world: World, first: Account, at: int) -> bool:
    """Merge the newest other contact of the owner into this one; whether there was one."""
    twins = [a for a in world.live(NAME, "contacts") if a.entity_id == first.entity_id and a.key != first.key]
    if not twins or (NAME, "contacts", first.key) not in world.accounts:
        return False
    books_of(world).merge(at, twins[-1].key, first.key)
    world.leave(NAME, "contacts", twins[-1].key)
    return True


def _archive(world: World, at: int, rng: Random) -> None:
    account = _someone(world, rng)
    if account is not None:
        books_of(world).archive(at, account.key)


def _forget(world: World, at: int, rng: Random) -> None:
    account = _someone(world, rng)
    if account is not None:
        books_of(world).forget(at, account.key)
        world.leave(NAME, "contacts", account.key)


def _enlist(world: World, at: int, rng: Random) -> None:
    """A supplier buys something: it becomes a customer, of which its time of change does not tell."""
    books = books_of(world)
    suppliers = [c for c in books.contacts if c["IsSupplier"] and not c["IsCustomer"] and c["ContactStatus"] == "ACTIVE"]
    if suppliers:
        chosen = rng.choice(suppliers)
        company = next((c for c in world.population.companies if chosen["Name"].startswith(c.core_name)), None)
        if company is not None:
            world.enter(Account(NAME, "contacts", chosen["ContactID"], company.entity_id, company, at), chosen.get("EmailAddress"))
            _bill(world, chosen["ContactID"], company, at, rng)


# documents -------------------------------------------------------------------------------------------------------


def _bill_someone(world: World, at: int, rng: Random) -> None:
    account = _someone(world, rng)
    if account is not None and account.owner is not None:
        _bill(world, account.key, account.owner, at, rng)


def _bill(world: World, key: str, owner: Owner, at: int, rng: Random) -> None:
    books = books_of(world)
    held = books.contacts.get(key)
    if held is None or held["ContactStatus"] != "ACTIVE":
        return
    currency = "KWD" if isinstance(owner, Company) and chance(rng, 0.05) else CURRENCY_OF[owner.country]
    lines = []
    for text, price in rng.sample(SERVICES, 1 + some(rng, 0.5, 3)):
        net = converted(Decimal(price) * rng.randrange(1, 5), "USD", currency)
        lines.append((text, net, net * TAX))
    invoice = books.add_invoice(at, key, "ACCREC", currency, lines, {"due": at + rng.choice((14, 30, 60)) * DAY})["InvoiceID"]
    fate = weighted(rng, (("draft", 2.0), ("deleted", 1.0), ("void", 2.0), ("open", 5.0), ("parts", 6.0), ("paid", 84.0)))
    if fate == "deleted":
        world.later(at + DAY, lambda t: _to(books, invoice, "DELETED", t))
    elif fate != "draft":
        world.later(at + 3_600, lambda t: _to(books, invoice, "AUTHORISED", t))
    if fate == "void":
        world.later(at + rng.randrange(2 * DAY, 40 * DAY), lambda t: _to(books, invoice, "VOIDED", t))
    if fate in ("parts", "paid"):
        for part in range(2 if fate == "parts" else 1):
            due = at + rng.randrange(DAY, 30 * DAY) + part * 20 * DAY
            _plan(world, due, _paying(invoice, whole=part == 1 or fate == "paid"), rng)
        if chance(rng, 0.04):
            share = rng.choice((1, 2, 4))
            world.later(at + rng.randrange(2 * DAY, 60 * DAY), _crediting(books, invoice, share))


def _to(books: XeroBooks, key: str, status: str, at: int) -> None:
    held = books.invoices.get(key)
    if held is not None and not held["AmountPaid"] and held["Status"] in ("DRAFT", "AUTHORISED"):
        books.set_status(at, key, status)


def _crediting(books: XeroBooks, key: str, share: int) -> Action:
    def happen(at: int) -> None:
        books.credit(at, key, share)

    return happen


def _paying(key: str, whole: bool) -> Happening:
    def happen(world: World, at: int, rng: Random) -> None:
        held = books_of(world).invoices.get(key)
        if held is not None:
            left = due_on(held)
            books_of(world).pay(at, key, left if whole else rounded(left / 2, held["CurrencyCode"]))

    return happen


def _recent(world: World, at: int, rng: Random, *statuses: str) -> Object | None:
    found = [i for i in books_of(world).invoices if i["Type"] == "ACCREC" and i["Status"] in statuses and i["day"] > at - 90 * DAY]
    return rng.choice(found) if found else None


def _credit(world: World, at: int, rng: Random) -> None:
    invoice = _recent(world, at, rng, "PAID", "AUTHORISED")
    if invoice is not None:
        books_of(world).credit(at, invoice["InvoiceID"], rng.choice((1, 2, 4)))


def _unpay(world: World, at: int, rng: Random) -> None:
    """A payment was entered by mistake."""
    invoice = _recent(world, at, rng, "PAID")
    payment: Any = next(books_of(world).payments_of(invoice["InvoiceID"]), None) if invoice else None
    if payment is not None:
        books_of(world).delete_payment(at, payment["PaymentID"])


_LATER: tuple[tuple[Happening, float], ...] = (
    (_merge, MERGES),
    (_archive, ARCHIVES),
    (_forget, FORGOTTEN),
    (_enlist, ENLISTED),
    (_credit, CREDITS),
    (_unpay, UNPAID),
)
