"""The past: how the first population came into the four systems and what they did there until day 1.

Shares are per person: 52 % have a billing account, 50 % a shop account, 48 % wrote to support, 24 % sent a lead form, 22 % ordered
as guests, 2.5 % paid without an account; 3 to 4 % of account holders have a second account in the same system.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from connectors.sandbox import accounts, commerce, support
from connectors.sandbox.draw import chance, some, stream
from connectors.sandbox.people import Company, Owner, Person
from connectors.sandbox.population import DAY
from connectors.sandbox.systems import systems
from connectors.sandbox.world import Account, World

# share of people, share of companies, share of holders with a second account
PRESENCE = {
    "stripe": (0.52, 0.85, 0.04),
    "shopify": (0.50, 0.40, 0.03),
    "zendesk": (0.48, 0.50, 0.03),
    "google_ads": (0.24, 0.08, 0.08),
}
GUEST = 0.22
GUEST_CHARGE = 0.025
TEST_ORDERS = 6
SUSPENDED = 0.004
# an owner tells a system of a change with that probability, some days after it
TOLD = 0.45


def write(world: World) -> None:
    """Let the past happen, up to an hour before the origin."""
    rng = stream(world.seed, "history")
    end = world.origin - 3_600
    for person in world.population.people:
        _arrive(world, person, end, rng)
    for company in world.population.companies:
        _arrive(world, company, end, rng)
    for _ in range(TEST_ORDERS):
        _plan_test_order(world, rng.choice(world.population.people), rng.randrange(end - 200 * DAY, end), rng)
    for system in systems():
        system.past(world, end)
    world.run(end)


def _plan_test_order(world: World, tester: Owner, at: int, rng: Random) -> None:
    world.later(at, lambda t: commerce.guest_order(world, tester, t, rng, test=True))


def _plan_entry(world: World, owner: Owner, system: str, at: int, rng: Random) -> None:
    world.later(at, lambda t: enter(world, owner, system, t, rng))


def _arrive(world: World, owner: Owner, end: int, rng: Random) -> None:
    """Plan when an owner enters which system."""
    company = isinstance(owner, Company)
    systems = [s for s, (people, companies, _) in PRESENCE.items() if chance(rng, companies if company else people)]
    guest = not company and chance(rng, GUEST)
    if not systems and not guest:
        systems = ["stripe" if company or chance(rng, 0.5) else "shopify"]
    for system in systems:
        times = 2 if chance(rng, PRESENCE[system][2]) else 1
        for _ in range(times):
            _plan_entry(world, owner, system, _between(owner.joined, end, rng), rng)
    if guest:
        for _ in range(1 + some(rng, 0.6, 4)):
            world.later(_between(owner.joined, end, rng), lambda t: commerce.guest_order(world, owner, t, rng))
    if not company and chance(rng, GUEST_CHARGE):
        world.later(_between(owner.joined, end, rng), lambda t: commerce.guest_charge(world, owner, t, rng))


def _between(start: int, end: int, rng: Random) -> int:
    return rng.randrange(min(start, end - 2), end)


def enter(world: World, owner: Owner, system: str, at: int, rng: Random) -> None:
    """Open an account and begin to use it; news of later changes follows."""
    account = accounts.open_account(world, owner, system, at, rng)
    if account is None:
        return
    use: dict[str, Callable[[World, Account, int, Random], None]] = {"stripe": _pay, "shopify": _shop, "zendesk": _ask}
    if system in use:
        use[system](world, account, at, rng)
    if isinstance(owner, Person):
        _keep_told(world, account, owner, at, rng)


def _pay(world: World, account: Account, at: int, rng: Random) -> None:
    if chance(rng, 0.2):
        months = 1 + some(rng, 5.0, 14)
        world.later(at + 60, lambda t: commerce.subscribe(world, account, t, months, rng))
    for _ in range(some(rng, 1.1, 6)):
        world.later(at + rng.randrange(3_600, 400 * DAY), lambda t: commerce.bill(world, account, t, rng))


def _shop(world: World, account: Account, at: int, rng: Random) -> None:
    for _ in range(some(rng, 1.9, 9)):
        world.later(at + rng.randrange(60, 500 * DAY), lambda t: commerce.order(world, account, t, rng))


def _ask(world: World, account: Account, at: int, rng: Random) -> None:
    if chance(rng, SUSPENDED):
        world.later(at + 5 * DAY, lambda t: world.zendesk.suspend_user(t, account.key))
    world.later(at + 1, lambda t: support.open_ticket(world, account, t, rng))
    for _ in range(some(rng, 0.4, 4)):
        world.later(at + rng.randrange(DAY, 400 * DAY), lambda t: support.open_ticket(world, account, t, rng))


def _keep_told(world: World, account: Account, person: Person, at: int, rng: Random) -> None:
    changes = {"email": person.email.changed_at, "address": person.address.changed_at, "name": person.family.changed_at}
    for what, changed_at in changes.items():
        if changed_at > at and chance(rng, TOLD):
            _plan_telling(world, account, what, changed_at + rng.randrange(DAY, 20 * DAY), rng)


def _plan_telling(world: World, account: Account, what: str, at: int, rng: Random) -> None:
    world.later(at, lambda t: accounts.tell(world, account, what, t, rng))
