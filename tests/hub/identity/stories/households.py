"""People who share a roof, a line, a mailbox or even a birth date, and are two customers all the same."""

from __future__ import annotations

from tests.hub.identity.scenarios import Fields, Story, person, story
from tests.hub.identity.stories.cast import Cast


def _years_later(birth: str, years: int) -> str:
    return f"{int(birth[:4]) + years}{birth[4:]}"


def parent_and_child(cast: Cast, title: str) -> Story:
    """One name, two birth dates, one home."""
    cast.moves()
    name, old, young = cast.name(), cast.birth(1935, 1965), cast.birth(1968, 1999)
    young = max(young, _years_later(cast.birth(1940, 1941), int(old[:4]) - 1940 + cast.random.randint(19, 38)))
    shared = cast.some({"phone": cast.phone()}, {"email": cast.mailbox()}, cast.home())
    return story(title, {"crm:old": person(name, birth_date=old, **shared), "shop:young": person(name, birth_date=young, **shared)})


def parent_and_child_in_three_systems(cast: Cast, title: str) -> Story:
    """Each of the two in three systems, of which one knows no birth date but a mailbox of its own."""
    cast.moves()
    name, old = cast.name(), cast.birth(1935, 1965)
    young = _years_later(cast.birth(1935, 1936), int(old[:4]) - 1935 + cast.random.randint(19, 38))
    roof: Fields = {"phone": cast.phone(), **cast.home()}
    mine, theirs = {"email": cast.mailbox()}, {"email": cast.mailbox()}
    return story(
        title,
        {
            "crm:old": person(name, birth_date=old, **roof, **mine),
            "shop:old": person(name, birth_date=old, **mine),
            "desk:old": person(name, **mine),
            "crm:young": person(name, birth_date=young, **roof, **theirs),
            "shop:young": person(name, birth_date=young, **theirs),
            "desk:young": person(name, **theirs),
        },
        ["crm:old", "shop:old", "desk:old"],
        ["crm:young", "shop:young", "desk:young"],
    )


def twins(cast: Cast, title: str) -> Story:
    """One surname, birth date and home; other given names, and elsewhere a mailbox each."""
    cast.moves()
    (one, family), birth = cast.name().split(" ", 1), cast.birth()
    other = cast.given(unlike=[one])
    shared: Fields = {"birth_date": birth, **cast.some({"phone": cast.phone()}, cast.home())}
    mine, theirs = cast.mailbox(one.lower()), cast.mailbox(other.lower())
    return story(
        title,
        {
            "crm:one": person(f"{one} {family}", **shared, email=mine),
            "crm:other": person(f"{other} {family}", **shared, email=theirs),
            "shop:one": person(f"{one} {family}", birth_date=birth, email=mine),
            "shop:other": person(f"{other} {family}", **shared),
        },
        ["crm:one", "shop:one"],
        ["crm:other", "shop:other"],
    )


def twins_with_one_mailbox(cast: Cast, title: str) -> Story:
    """The same, but their parents' mailbox is all they have."""
    cast.moves()
    one, family = cast.name().split(" ", 1)
    other = cast.given(unlike=[one])
    shared: Fields = {"birth_date": cast.birth(), "email": cast.mailbox(), **cast.some({"phone": cast.phone()}, cast.home())}
    return story(title, {"crm:one": person(f"{one} {family}", **shared), "shop:other": person(f"{other} {family}", **shared)})


def couple(cast: Cast, title: str) -> Story:
    """One surname, line and home, half of them with one mailbox, in two systems."""
    cast.moves()
    her, family = cast.name().split(" ", 1)
    his = cast.given(unlike=[her])
    roof: Fields = {"phone": cast.phone(), **cast.home()}
    if cast.random.random() < 0.5:
        roof["email"] = cast.mailbox(family.lower())
    wife, husband = person(f"{her} {family}", **roof), person(f"{his} {family}", **roof)
    return story(
        title,
        {
            "crm:her": {**wife, "birth_date": cast.birth(1955, 1960)},
            "crm:his": {**husband, "birth_date": cast.birth(1950, 1954)},
            "shop:her": wife,
            "shop:his": husband,
        },
        ["crm:her", "shop:her"],
        ["crm:his", "shop:his"],
    )


def siblings(cast: Cast, title: str) -> Story:
    """Three siblings, two years apart, at their parents' home."""
    cast.moves()
    family, roof = cast.family(), {"phone": cast.phone(), **cast.home()}
    given: list[str] = []
    while len(given) < 3:
        given.append(cast.given(unlike=given))
    birth = cast.birth(1985, 1999)
    return story(
        title,
        {f"crm:{n}": person(f"{g} {family}", birth_date=_years_later(birth, 2 * n), **roof) for n, g in enumerate(given)}
        | {f"shop:{n}": person(f"{g} {family}", **roof) for n, g in enumerate(given)},
        *([f"crm:{n}", f"shop:{n}"] for n in range(3)),
    )


KINDS = (parent_and_child, parent_and_child_in_three_systems, twins, twins_with_one_mailbox, couple, siblings)
