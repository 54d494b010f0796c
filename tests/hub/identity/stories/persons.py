"""One person, whatever the systems say: records that differ and must still become one customer."""

from __future__ import annotations

from tests.hub.identity.scenarios import Story, person, story
from tests.hub.identity.stories.cast import Cast


def _swapped(day: str) -> str:
    """Day and month the wrong way round, or one digit else where that is no date."""
    year, month, number = day.split("-")
    return f"{year}-{number}-{month}" if int(number) <= 12 else f"{year}-{month}-{number[0]}{(int(number[1]) + 1) % 10}"


def married(cast: Cast, title: str) -> Story:
    """Another surname and perhaps another home; mailbox and phone as before."""
    cast.moves()
    given, family = cast.name().split(" ", 1)
    same = {"email": cast.mailbox(given.lower()), "phone": cast.phone()}
    home, with_home = cast.home(), cast.random.random() < 0.7
    return story(
        title,
        {
            "crm:1": person(f"{given} {family}", **same, **(home if with_home else {})),
            "shop:1": person(f"{given} {cast.family()}", **same, **(cast.some(home, cast.home()) if with_home else {})),
        },
        ["crm:1", "shop:1"],
    )


def moved(cast: Cast, title: str) -> Story:
    """An old and a new address; a mailbox, a phone or a birth date as before."""
    cast.moves()
    name = cast.name()
    same = cast.random.choice(({"email": cast.mailbox()}, {"phone": cast.phone()}, {"birth_date": cast.birth()}))
    return story(
        title, {"crm:1": person(name, **same, **cast.home()), "shop:1": person(name, **same, **cast.home())}, ["crm:1", "shop:1"]
    )


def private_and_work(cast: Cast, title: str) -> Story:
    """A private mailbox and one at work."""
    cast.moves()
    name, phone = cast.name(), {"phone": cast.phone()}
    work = f"{name.lower().replace(' ', '.')}@{cast.domain()}"
    return story(
        title,
        {
            "crm:1": person(name, email=cast.mailbox(), **phone, **cast.home()),
            "shop:1": person(name, email=work, **phone),
            "desk:1": person(name, email=work),
        },
        ["crm:1", "shop:1", "desk:1"],
    )


def slip_in_the_birth_date(cast: Cast, title: str) -> Story:
    """Day and month swapped, or one digit else; all else equal."""
    cast.moves()
    same = {"phone": cast.phone(), **cast.home()} | ({"email": cast.mailbox()} if cast.random.random() < 0.5 else {})
    name, birth = cast.name(), cast.birth()
    slip = _swapped(birth) if cast.random.random() < 0.5 else f"{birth[:2]}{9 - int(birth[2])}{birth[3:]}"
    return story(
        title,
        {"crm:1": person(name, birth_date=birth, **same), "shop:1": person(name, birth_date=slip, **same)},
        ["crm:1", "shop:1"],
    )


def five_systems(cast: Cast, title: str) -> Story:
    """Full name, initial, capitals, surname first; each system knows something else."""
    cast.moves()
    given, family = cast.name().split(" ", 1)
    email, phone, home = {"email": cast.mailbox()}, {"phone": cast.phone()}, cast.home()
    return story(
        title,
        {
            "crm:1": person(f"{given} {family}", birth_date=cast.birth(), **email, **phone, **home),
            "shop:1": person(f"{given} {family}", **email, **home),
            "desk:1": {"full_name": f"{family}, {given}", **email},
            "pay:1": person(f"{given[0]}. {family}", **email, **phone),
            "ads:1": person(f"{given.upper()} {family.upper()}", **phone, **home),
        },
        ["crm:1", "shop:1", "desk:1", "pay:1", "ads:1"],
    )


def written_out(cast: Cast, title: str) -> Story:
    """A name with letters that one system cannot write."""
    cast.moves("DE")
    given, plain = cast.random.choice(
        (
            ("Jürgen", "Juergen"),
            ("Bjørn", "Bjoern"),
            ("Günther", "Guenther"),
            ("Åse", "Aase"),
            ("Sören", "Soeren"),
            ("Käthe", "Kaethe"),
        )
    )
    family = cast.family()
    ending, written = cast.random.choice(
        (("böck", "boeck"), ("gård", "gaard"), ("strauß", "strauss"), ("müller", "mueller"), ("sø", "soe"), ("kjær", "kjaer"))
    )
    same = cast.random.choice((cast.home(), {"birth_date": cast.birth()}, {"phone": cast.phone()}))
    return story(
        title,
        {"a:1": person(f"{given} {family}{ending}", **same), "b:1": person(f"{plain} {family}{written}", **same)},
        ["a:1", "b:1"],
    )


KINDS = (married, moved, private_and_work, slip_in_the_birth_date, five_systems, written_out)
