"""The help desk: tickets, and what becomes of them: new, open, pending, on hold, solved, closed."""

from __future__ import annotations

from random import Random

from connectors.sandbox.draw import chance, weighted
from connectors.sandbox.population import DAY
from connectors.sandbox.world import Account, World

HOUR = 3_600
# an automation closes what has been solved for so long
CLOSED_AFTER = 4 * DAY

_SUBJECTS = (
    "Where is my order?",
    "Wrong size delivered",
    "Invoice question",
    "How do I change my address?",
    "Parcel arrived damaged",
    "Refund not received",
    "Cannot log in",
    "Delivery time to my country",
    "Cancel my membership",
    "Product question",
    "Frage zu meiner Bestellung",
    "Question sur ma commande",
    "Problema con mi pedido",
    "Pytanie o zamówienie",
    "注文について",
)


def open_ticket(world: World, account: Account, at: int, rng: Random) -> None:
    """A user asks for help; the ticket then takes its course."""
    desk = world.zendesk
    user = desk.users.get(account.key)
    if user is None or not user["active"]:
        return
    fields = {
        "channel": weighted(rng, (("email", 6.0), ("web", 3.0), ("voice", 1.0), ("chat", 1.0))),
        "priority": weighted(rng, ((None, 4.0), ("low", 1.0), ("normal", 3.0), ("high", 1.0), ("urgent", 0.3))),
        "type": weighted(rng, ((None, 3.0), ("question", 4.0), ("incident", 2.0), ("problem", 0.5))),
        "tags": rng.sample(("shipping", "billing", "returns", "vip", "product"), rng.randrange(3)),
    }
    subject = rng.choice(_SUBJECTS)
    key = str(desk.add_ticket(at, user["id"], subject, f"{subject} Please help.", fields)["id"])
    agent = rng.choice(desk.staff[1:])["id"]
    world.later(at + rng.randrange(600, 12 * HOUR), lambda t: _take(world, key, agent, t, rng))


def _take(world: World, key: str, agent: int, at: int, rng: Random) -> None:
    if not _changeable(world, key):
        return
    world.zendesk.update_ticket(at, key, {"status": "open", "assignee_id": agent})
    if chance(rng, 0.25):
        waiting = weighted(rng, (("pending", 4.0), ("hold", 1.0)))
        world.later(at + rng.randrange(HOUR, DAY), lambda t: _set(world, key, waiting, t))
    # some wait for weeks
    solved = rng.randrange(DAY, 3 * DAY) if chance(rng, 0.9) else rng.randrange(10 * DAY, 60 * DAY)
    world.later(at + solved, lambda t: solve(world, key, t))


def _changeable(world: World, key: str, unless: tuple[str, ...] = ("closed", "deleted")) -> bool:
    ticket = world.zendesk.tickets.get(key)
    return ticket is not None and ticket["status"] not in unless


def _set(world: World, key: str, status: str, at: int) -> None:
    if _changeable(world, key, ("solved", "closed", "deleted")):
        world.zendesk.update_ticket(at, key, {"status": status})


def solve(world: World, key: str, at: int) -> None:
    """Solve a ticket; it is closed some days later."""
    if _changeable(world, key):
        world.zendesk.update_ticket(at, key, {"status": "solved"})
        world.later(at + CLOSED_AFTER, lambda t: world.zendesk.close_ticket(t, key))
