"""What happens at Meta: people send lead forms; ads are made, renamed, paused and deleted.

Shares: 14 % of people and 4 % of companies sent a form in the last 80 days (Meta gives leads out for 90), 6 % of them two.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from connectors.sandbox.contacts import contact_of
from connectors.sandbox.draw import chance, stream
from connectors.sandbox.meta.books import MetaBooks, Node
from connectors.sandbox.people import Company, Owner
from connectors.sandbox.population import DAY
from connectors.sandbox.shelf import Object
from connectors.sandbox.world import Account, World

PEOPLE, COMPANIES, TWICE = 0.14, 0.04, 0.06
LEADS_A_DAY = 0.002  # per person
_HISTORY = 80 * DAY
_DUMMY = "<test lead: dummy data for {}>"


def books_of(world: World) -> MetaBooks:
    """Meta's books in a world."""
    books: MetaBooks = world.books["meta"]
    return books


def past(world: World, end: int) -> None:
    """Put on the agenda what happened before a time."""
    rng = stream(world.seed, "meta", "history")
    owners: list[Owner] = [*world.population.people, *world.population.companies]
    for owner in owners:
        if not chance(rng, COMPANIES if isinstance(owner, Company) else PEOPLE):
            continue
        for _ in range(2 if chance(rng, TWICE) else 1):
            start = min(max(owner.joined, end - _HISTORY), end - 2)
            world.later(rng.randrange(start, end), partial(_submit, world, owner, rng))
    form = books_of(world).forms[0]
    world.later(end - 30 * DAY, lambda at: _try_form(world, at, form))


def day(world: World, number: int, start: int, end: int) -> None:
    """Put on the agenda what one more day brings."""
    rng = stream(world.seed, "meta", "day", number)
    people = world.population.people
    for _ in range(max(1, round(len(people) * LEADS_A_DAY))):
        world.later(rng.randrange(start, end), lambda at: _submit(world, rng.choice(people), rng, at))
    for play in (_rename, _pause, _new_ad, _delete):
        world.later(rng.randrange(start, end), partial(play, books_of(world), rng))


def _submit(world: World, owner: Owner, rng: Random, at: int) -> None:
    contact = contact_of(owner, "lead", at, rng)
    key = books_of(world).add_lead(at, contact, rng)["id"]
    world.enter(Account("meta", "leads", key, owner.entity_id, owner, at), contact.email)


def _live(books: MetaBooks, kind: str) -> list[Node]:
    return [node for node in books.of_kind(kind) if node.effective_status == "ACTIVE"]


def _rename(books: MetaBooks, rng: Random, at: int) -> None:
    campaign = rng.choice(list(books.of_kind("campaign"))[:4])
    name = campaign.name.removesuffix(" (v2)")
    books.change(at, campaign.key, name=name if name != campaign.name else f"{name} (v2)")


def _pause(books: MetaBooks, rng: Random, at: int) -> None:
    ads = _live(books, "ad")
    if len(ads) > 8:
        books.change(at, rng.choice(ads).key, status="PAUSED")


def _new_ad(books: MetaBooks, rng: Random, at: int) -> None:
    groups = _live(books, "adset")
    if groups:
        books.add_ad(at, rng.choice(groups), rng.choice(("Collection", "Reel", "Testimonial")), rng.randrange(10, 40))


def _delete(books: MetaBooks, rng: Random, at: int) -> None:
    paused = [ad for ad in books.of_kind("ad") if ad.status == "PAUSED" and ad.effective_status != "DELETED"]
    if paused:
        books.change(at, rng.choice(paused).key, status="DELETED")


# writes ----------------------------------------------------------------------------------------------------------


def _test(world: World, at: int, form: str, answers: list[tuple[str, str]]) -> Object:
    """A form's test lead. Raises `ValueError` where it has one already."""
    books = books_of(world)
    if books.test_lead(form) is not None:
        raise ValueError("the form has a test lead")
    made = books.keep_lead(at, form, answers, ad=None, platform="fb", test=True)
    world.enter(Account("meta", "leads", made["id"], f"meta-test-lead-{made['id']}", None, at), None)
    return made


def _try_form(world: World, at: int, form: Object) -> None:
    _test(world, at, form["id"], [(question, _DUMMY.format(question)) for question in form["questions"]])


def _create_test_lead(world: World, at: int, form: str, field_data: list[Object]) -> Object:
    questions = next(f["questions"] for f in books_of(world).forms if f["id"] == form)
    given = {str(part["name"]): str(part["values"][0]) for part in field_data}
    return _test(world, at, form, [(q, given.get(q, _DUMMY.format(q))) for q in questions])


def _delete_lead(world: World, at: int, key: str) -> None:
    books_of(world).leads.remove(key)
    world.leave("meta", "leads", key)


def _update_object(world: World, at: int, key: str, fields: Object) -> str:
    return books_of(world).change(at, key, **fields).key


WRITES: dict[str, Callable[..., Any]] = {
    "meta.create_test_lead": _create_test_lead,
    "meta.delete_lead": _delete_lead,
    "meta.update_object": _update_object,
}
