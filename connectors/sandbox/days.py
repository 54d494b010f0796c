"""What one more day brings: newcomers, orders, tickets, changes of address, refunds, deletions. About 1 % of the party records.

Each day draws from its own stream; what was begun earlier (a parcel under way, an invoice on terms, a ticket waiting) goes on by
the agenda. What came through a vendor's API is left alone, so that a test's order or ticket stays as the test made it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from connectors.sandbox import accounts, commerce, history, names, places, support
from connectors.sandbox.draw import chance, stream, weighted
from connectors.sandbox.population import DAY, new_mailbox
from connectors.sandbox.systems import systems
from connectors.sandbox.world import Account, World

# happenings per person and day; each happens at least once in however small a world
NEWCOMERS = 0.003
ENTRIES = 0.003  # somebody known opens an account in another system
ORDERS = 0.006
GUEST_ORDERS = 0.0015
TICKETS = 0.004
BILLS = 0.003
CHANGED_EMAILS = 0.0012
MOVES = 0.002
RENAMES = 0.0004
DELETIONS = {"stripe": 0.0006, "zendesk": 0.0003, "shopify": 0.0003}
REFUNDS = 0.0006
DELETED_TICKETS = 0.0002

# where people have accounts whose data they can change; the systems that joined later are told by their own stories
_TOLD = {("stripe", "customers"), ("zendesk", "users"), ("shopify", "customers")}
Happening = Callable[[int], None]


def make_day(world: World, day: int, start: int, end: int) -> None:
    """Let day ``day`` happen between two times (unix seconds); all of it lies strictly between them.

    The last two minutes stay quiet: a help desk's export keeps the last minute back.
    """
    rng = stream(world.seed, "day", day)
    people = len(world.population.people)
    for happening, rate in _happenings(world, rng):
        for _ in range(max(1, round(people * rate))):
            world.later(rng.randrange(start + 1, end - 120), happening)
    for system in systems():
        system.day(world, day, start + 1, end - 120)
    world.later(end - 121, world.google.new_day)
    world.run(end - 120, not_before=start + 1)


def _happenings(world: World, rng: Random) -> list[tuple[Happening, float]]:
    plays: list[tuple[Callable[[World, int, Random], None], float]] = [
        (_newcomer, NEWCOMERS),
        (_entry, ENTRIES),
        (_order, ORDERS),
        (_guest_order, GUEST_ORDERS),
        (_ticket, TICKETS),
        (_bill, BILLS),
        (_changed_email, CHANGED_EMAILS),
        (_move, MOVES),
        (_rename, RENAMES),
        (_refund, REFUNDS),
        (_delete_ticket, DELETED_TICKETS),
        (_delete_order, DELETED_TICKETS),
    ]
    found: list[tuple[Happening, float]] = [(_bound(play, world, rng), rate) for play, rate in plays]
    for system, rate in DELETIONS.items():
        found.append((_deletion(world, system, rng), rate))
    return found


def _bound(play: Callable[[World, int, Random], None], world: World, rng: Random) -> Happening:
    return lambda at: play(world, at, rng)


def _someone(world: World, system: str, stream_name: str, rng: Random) -> Account | None:
    living = world.live(system, stream_name)
    return rng.choice(living) if living else None


def _newcomer(world: World, at: int, rng: Random) -> None:
    person = world.population.newcomer(at)
    systems = rng.sample(tuple(history.PRESENCE), 2 if chance(rng, 0.4) else 1)
    for system in systems:
        history.enter(world, person, system, at, rng)


def _entry(world: World, at: int, rng: Random) -> None:
    person = rng.choice(world.population.people)
    system = weighted(rng, [(s, shares[0]) for s, shares in history.PRESENCE.items()])
    history.enter(world, person, system, at, rng)


def _order(world: World, at: int, rng: Random) -> None:
    account = _someone(world, "shopify", "customers", rng)
    if account:
        commerce.order(world, account, at, rng)


def _guest_order(world: World, at: int, rng: Random) -> None:
    commerce.guest_order(world, rng.choice(world.population.people), at, rng)


def _ticket(world: World, at: int, rng: Random) -> None:
    account = _someone(world, "zendesk", "users", rng)
    if account:
        support.open_ticket(world, account, at, rng)


def _bill(world: World, at: int, rng: Random) -> None:
    account = _someone(world, "stripe", "customers", rng)
    if account:
        commerce.bill(world, account, at, rng)


def _told(world: World, what: str, entity_id: str, at: int, rng: Random) -> None:
    """The systems learn of a change: at least one, the others with a chance."""
    known = [a for a in world.accounts.values() if a.entity_id == entity_id and (a.system, a.stream) in _TOLD]
    for place, account in enumerate(known):
        if place == 0 or chance(rng, 0.3):
            accounts.tell(world, account, what, at, rng)


def _changed_email(world: World, at: int, rng: Random) -> None:
    person = rng.choice(world.population.people)
    person.email.change(at, new_mailbox(world.population, person, at, rng))
    _told(world, "email", person.entity_id, at, rng)


def _move(world: World, at: int, rng: Random) -> None:
    person = rng.choice(world.population.people)
    person.city = places.city_of(person.country, rng) if chance(rng, 0.5) else person.city
    person.address.change(at, places.address_in(person.city, rng))
    _told(world, "address", person.entity_id, at, rng)


def _rename(world: World, at: int, rng: Random) -> None:
    person = rng.choice(world.population.people)
    person.family.change(at, names.family_name(person.country, rng))
    _told(world, "name", person.entity_id, at, rng)


def _refund(world: World, at: int, rng: Random) -> None:
    paid = [c for c in world.stripe.charges if c["status"] == "succeeded" and not c["refunded"] and c["created"] > at - 60 * DAY]
    if paid:
        commerce.refund(world, rng.choice(paid)["id"], at, rng.choice((1, 1, 2)))


def _delete_ticket(world: World, at: int, rng: Random) -> None:
    spam = [t for t in world.zendesk.tickets if t["status"] in ("new", "open", "solved") and t["via"]["channel"] != "api"]
    if spam:
        world.zendesk.delete_ticket(at, str(rng.choice(spam)["id"]))


def _delete_order(world: World, at: int, rng: Random) -> None:
    gone = [o for o in world.shopify.orders if (o["cancelledAt"] is not None or o["test"]) and o["sourceName"] != "api"]
    if gone:
        chosen = str(rng.choice(gone)["number"])
        world.shopify.delete_order(at, chosen)
        world.leave("shopify", "orders", chosen)


def _deletion(world: World, system: str, rng: Random) -> Happening:
    def happen(at: int) -> None:
        living = world.live(system, accounts.STREAM_OF[system])
        # the vendors let go only of some; try a few
        for account in rng.sample(living, min(20, len(living))):
            if accounts.delete(world, account, at):
                return

    return happen
