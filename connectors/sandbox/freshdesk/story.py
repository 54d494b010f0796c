"""What happens at the second help desk: people and companies ask, are answered and say how satisfied they are; some are spam.

Shares: 18 % of people and 25 % of companies are contacts there, 3 % of them twice; a third of what is resolved gets rated; one
ticket in twenty is reopened.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from connectors.sandbox.contacts import Contact, contact_of
from connectors.sandbox.draw import chance, some, stream, weighted
from connectors.sandbox.freshdesk import books as fd
from connectors.sandbox.freshdesk.books import DuplicateError, FreshdeskBooks
from connectors.sandbox.freshdesk.writes import books_of
from connectors.sandbox.people import Company, Owner, Person
from connectors.sandbox.population import DAY
from connectors.sandbox.shelf import Object
from connectors.sandbox.world import Account, World

PEOPLE, COMPANIES, TWICE = 0.18, 0.25, 0.03
TOLD = 0.45  # as everywhere: the share of changes that a system is told of
HOUR = 3_600
SPAM_A_YEAR = 0.004  # per person
_SUBJECTS = (
    *("Login does not work", "Where is my delivery?", "Question about an invoice", "Wrong item", "Warranty claim"),
    *("Change of address", "Frage zur Lieferung", "Problème de facture", "Consulta sobre mi pedido", "配送について"),
)
_RATINGS = ((103, 5.0), (102, 2.0), (101, 2.0), (100, 1.5), (-101, 0.8), (-102, 0.4), (-103, 0.6))

Happening = Callable[[World, Random, int], None]


def past(world: World, end: int) -> None:
    """Put on the agenda what happened before a time."""
    rng = stream(world.seed, "freshdesk", "history")
    owners: list[Owner] = [*world.population.people, *world.population.companies]
    for owner in owners:
        if chance(rng, COMPANIES if isinstance(owner, Company) else PEOPLE):
            for _ in range(2 if chance(rng, TWICE) else 1):
                world.later(rng.randrange(min(owner.joined, end - 2), end), partial(_arrive, world, owner, rng))
    for _ in range(round(len(world.population.people) * SPAM_A_YEAR * 3)):
        world.later(rng.randrange(end - 1_000 * DAY, end), partial(_spam, world, rng))


# happenings per person and day; each happens at least once
_RATES: tuple[tuple[str, float], ...] = (
    ("entry", 0.0012),
    ("ticket", 0.0016),
    ("news", 0.0010),
    ("deletion", 0.0002),
    ("merge", 0.0001),
    ("erasure", 0.0001),
    ("spam", 0.0001),
    ("trash", 0.0002),
)


def day(world: World, number: int, start: int, end: int) -> None:
    """Put on the agenda what one more day brings."""
    rng = stream(world.seed, "freshdesk", "day", number)
    plays: dict[str, Happening] = {
        "entry": lambda w, r, at: _arrive(w, r.choice(w.population.people), r, at),
        "ticket": _some_ticket,
        "news": _some_news,
        "deletion": _deletion,
        "merge": _merge,
        "erasure": _erasure,
        "spam": _spam,
        "trash": _trash,
    }
    for name, rate in _RATES:
        for _ in range(max(1, round(len(world.population.people) * rate))):
            world.later(rng.randrange(start, end), partial(plays[name], world, rng))


# contacts --------------------------------------------------------------------------------------------------------


def _arrive(world: World, owner: Owner, rng: Random, at: int) -> None:
    """The owner becomes a contact, unless there is one with that e-mail, and asks something."""
    desk, contact = books_of(world), contact_of(owner, "zendesk", at, rng)
    employer = owner if isinstance(owner, Company) else owner.employer
    company = desk.company(at, employer.name, employer.domain) if employer and (contact.company or owner is employer) else None
    try:
        made = desk.add_contact(at, {**_fields(contact, owner, at, rng), "company_id": company})
    except DuplicateError:
        return
    account = Account("freshdesk", "contacts", str(made["id"]), owner.entity_id, owner, at)
    world.enter(account, contact.email)
    world.later(at + 1, partial(_ask, world, account.key, rng))
    for _ in range(some(rng, 0.4, 4)):
        world.later(at + rng.randrange(DAY, 400 * DAY), partial(_ask, world, account.key, rng))
    if isinstance(owner, Person):
        for changed_at in (owner.email.changed_at, owner.family.changed_at, owner.address.changed_at):
            if changed_at > at and chance(rng, TOLD):
                world.later(changed_at + rng.randrange(DAY, 20 * DAY), partial(_tell, world, account, rng))


def _fields(contact: Contact, owner: Owner, at: int, rng: Random) -> Object:
    phone = "mobile" if isinstance(owner, Person) and chance(rng, 0.6) else "phone"
    place = owner.address.at(at) if isinstance(owner, Person) else owner.address
    lines = (place.line1, place.line2, f"{place.postal_code} {place.city}")
    return {
        "name": contact.full_name,
        "email": contact.email.lower() if contact.email else None,
        phone: contact.phone,
        "language": contact.locale[:2],
        "address": "\n".join(line for line in lines if line) if chance(rng, 0.3) else None,
        "unique_external_id": f"crm-{rng.randrange(10**6, 10**7)}" if chance(rng, 0.05) else None,
        "custom_fields": {"department": weighted(rng, ((None, 4.0), ("Purchasing", 1.0), ("Office", 1.0)))},
    }


def _tell(world: World, account: Account, rng: Random, at: int) -> None:
    """The owner tells the desk of a new address, e-mail or name."""
    owner, desk = account.owner, books_of(world)
    if not isinstance(owner, Person) or desk.state.get(account.key) != fd.LIVE:
        return
    contact = contact_of(owner, "zendesk", at, rng)
    given = _fields(contact, owner, at, rng)
    news = {"name": given["name"], "address": given["address"], "email": owner.email.at(at).lower()}
    try:
        desk.update_contact(at, account.key, {name: value for name, value in news.items() if value})
    except DuplicateError:
        return
    world.note_email(account.entity_id, owner.email.at(at))


def _someone(world: World, rng: Random) -> Account | None:
    """A contact in use whose owner this world plays."""
    desk = books_of(world)
    living = [a for a in world.live("freshdesk", "contacts") if desk.state.get(a.key) == fd.LIVE]
    return rng.choice(living) if living else None


def _some_news(world: World, rng: Random, at: int) -> None:
    account = _someone(world, rng)
    if account:
        _tell(world, account, rng, at)


def _deletion(world: World, rng: Random, at: int) -> None:
    account = _someone(world, rng)
    if account:
        books_of(world).set_state(at, account.key, fd.DELETED)
        world.leave("freshdesk", "contacts", account.key)


def _erasure(world: World, rng: Random, at: int) -> None:
    """One who was deleted days ago is forgotten for good, which Freshdesk does not tell."""
    desk = books_of(world)
    deleted = sorted(key for key, state in desk.state.items() if state == fd.DELETED and desk.stamp[key] < at - 3 * DAY)
    if deleted:
        desk.erase_contact(at, rng.choice(deleted), force=False)


def _merge(world: World, rng: Random, at: int) -> None:
    """Somebody notices that two contacts are one person."""
    by_owner: dict[str, list[str]] = {}
    desk = books_of(world)
    for account in world.live("freshdesk", "contacts"):
        if desk.state.get(account.key) == fd.LIVE:
            by_owner.setdefault(account.entity_id, []).append(account.key)
    doubles = sorted(keys for keys in by_owner.values() if len(keys) > 1)
    if doubles:
        primary, *others = rng.choice(doubles)
        desk.merge_contacts(at, primary, others, {})
        for key in others:
            world.leave("freshdesk", "contacts", key)


def _spam(world: World, rng: Random, at: int) -> None:
    """A stranger advertises; an agent marks the ticket as spam and blocks the sender, who stays a contact."""
    desk, number = books_of(world), rng.randrange(10**6)
    sender = {"name": f"Best Offers {number}", "email": f"offers.{number}@bulkmail.example"}
    try:
        made = desk.add_contact(at, sender)
    except DuplicateError:
        return
    key = str(made["id"])
    world.enter(Account("freshdesk", "contacts", key, f"spammer-{key}", None, at), sender["email"])
    ticket = desk.add_ticket(at, made["id"], {"subject": "Cheap watches!!!", "description": "Buy now.", "source": 1})
    world.later(at + rng.randrange(60, HOUR), partial(_block, desk, str(ticket["id"]), key))


def _block(desk: FreshdeskBooks, ticket: str, contact: str, at: int) -> None:
    if desk.tickets.get(ticket) and desk.state.get(contact) == fd.LIVE:
        desk.set_apart(at, ticket, "spam", True)
        desk.set_state(at, contact, fd.BLOCKED)


# tickets ---------------------------------------------------------------------------------------------------------


def _some_ticket(world: World, rng: Random, at: int) -> None:
    account = _someone(world, rng)
    if account:
        _ask(world, account.key, rng, at)


def _ask(world: World, contact: str, rng: Random, at: int) -> None:
    desk = books_of(world)
    if desk.state.get(contact) != fd.LIVE:
        return
    subject = rng.choice(_SUBJECTS)
    fields = {
        "subject": subject,
        "description": f"{subject} Please help.",
        "source": weighted(rng, ((1, 6.0), (2, 3.0), (3, 1.0), (7, 1.0), (9, 0.5))),
        "priority": weighted(rng, ((1, 4.0), (2, 3.0), (3, 1.0), (4, 0.3))),
        "type": weighted(rng, ((None, 3.0), ("Question", 4.0), ("Problem", 2.0))),
        "tags": rng.sample(("delivery", "billing", "returns"), rng.randrange(2)),
    }
    key = str(desk.add_ticket(at, int(contact), fields)["id"])
    world.later(at + rng.randrange(600, 12 * HOUR), partial(_take, world, key, rng))


def _open(desk: FreshdeskBooks, key: str) -> bool:
    ticket = desk.tickets.get(key)
    return ticket is not None and not ticket.get("deleted") and ticket["status"] not in (fd.RESOLVED, fd.CLOSED)


def _take(world: World, key: str, rng: Random, at: int) -> None:
    desk = books_of(world)
    if not _open(desk, key):
        return
    desk.answer(at, key, desk.staff[1]["id"])
    if chance(rng, 0.25):
        waiting = weighted(rng, ((fd.PENDING, 3.0), (fd.WAITING_ON_CUSTOMER, 1.0), (fd.WAITING_ON_THIRD_PARTY, 1.0)))
        desk.update_ticket(at, key, {"status": waiting})
    world.later(at + rng.randrange(HOUR, (3 if chance(rng, 0.9) else 40) * DAY), partial(_resolve, world, key, rng))


def _resolve(world: World, key: str, rng: Random, at: int) -> None:
    desk = books_of(world)
    if not _open(desk, key):
        return
    desk.update_ticket(at, key, {"status": fd.RESOLVED})
    if chance(rng, 0.33):
        world.later(at + rng.randrange(HOUR, 2 * DAY), partial(_rate, desk, key, weighted(rng, _RATINGS)))
    if chance(rng, 0.05):
        world.later(at + rng.randrange(HOUR, 3 * DAY), partial(_reopen, world, key, rng))
    else:
        world.later(at + 4 * DAY, partial(_close, desk, key))


def _rate(desk: FreshdeskBooks, key: str, rating: int, at: int) -> None:
    ticket = desk.tickets.get(key)
    if ticket and not ticket.get("deleted"):
        desk.rate(at, key, {"default_question": rating}, None)


def _reopen(world: World, key: str, rng: Random, at: int) -> None:
    desk = books_of(world)
    ticket = desk.tickets.get(key)
    if ticket and not ticket.get("deleted") and ticket["status"] == fd.RESOLVED:
        desk.update_ticket(at, key, {"status": fd.OPEN})
        world.later(at + rng.randrange(HOUR, DAY), partial(_resolve, world, key, rng))


def _close(desk: FreshdeskBooks, key: str, at: int) -> None:
    ticket = desk.tickets.get(key)
    if ticket and not ticket.get("deleted") and ticket["status"] == fd.RESOLVED:
        desk.update_ticket(at, key, {"status": fd.CLOSED})


def _trash(world: World, rng: Random, at: int) -> None:
    """An agent throws a ticket away."""
    desk = books_of(world)
    there = [t for t in desk.tickets if not t.get("deleted") and not t["spam"] and t["responder_id"] is not None]
    if there:
        desk.set_apart(at, str(rng.choice(there)["id"]), "deleted", True)
