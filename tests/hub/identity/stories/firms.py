"""Companies and their people: who works at one switchboard, which companies are one and which only look so."""

from __future__ import annotations

from tests.hub.identity.scenarios import Fields, Story, person, story
from tests.hub.identity.stories.cast import Cast


def _switchboard(cast: Cast, title: str, count: int) -> Story:
    cast.moves("GB", "DE", "FR", "US", "ES")
    office = cast.home()
    place = cast.random.choice(
        (office, office, {k: office[k] for k in ("city", "postal_code", "country")}, {"country": cast.country})
    )
    firm: Fields = {"company_name": f"{cast.firm()} {cast.form()}"} if cast.random.random() < 0.85 or place is not office else {}
    shared: Fields = {"phone": cast.phone(), **place, **firm}
    people = cast.names(count)
    records = {f"crm:{i}": person(name, **shared) for i, name in enumerate(people)}
    if firm:
        records["xero:firm"] = shared
    # some have a mailbox of their own, by which another system knows them
    known = range(0, count, 4)
    domain = cast.domain()
    for i in known:
        email = f"{people[i].lower().replace(' ', '.')}@{domain}"
        records[f"crm:{i}"] = records[f"crm:{i}"] | {"email": email}
        records[f"shop:{i}"] = person(people[i], email=email)
    return story(title, records, *([f"crm:{i}", f"shop:{i}"] for i in known))


def forty_at_a_switchboard(cast: Cast, title: str) -> Story:
    """Forty people of one company: one number, one address, one company name."""
    return _switchboard(cast, title, 40)


def ten_at_a_switchboard(cast: Cast, title: str) -> Story:
    """The same, of a smaller company."""
    return _switchboard(cast, title, 10)


def two_in_an_office(cast: Cast, title: str) -> Story:
    """The same, of two or three people."""
    return _switchboard(cast, title, cast.random.randint(2, 3))


def role_mailbox(cast: Cast, title: str) -> Story:
    """A company in two systems, and people of it of whom nothing is known but its mailbox."""
    cast.moves()
    name, people = cast.firm(), cast.names(4)
    shared: Fields = {"email": f"info@{cast.domain()}", **cast.random.choice((cast.home(), {"country": cast.country}))}
    return story(
        title,
        {
            "crm:firm": {"company_name": f"{name} {cast.form()}", **shared},
            "xero:firm": {"company_name": name, **shared},
            **{f"crm:{i}": person(who, company_name=name, **shared) for i, who in enumerate(people)},
            "desk:0": person(people[0], company_name=f"{name} {cast.form()}", email=shared["email"]),
        },
        ["crm:firm", "xero:firm"],
        ["crm:0", "desk:0"],
    )


def subsidiaries(cast: Cast, title: str) -> Story:
    """Companies of one group in three countries, with the group's mailbox."""
    name, mailbox = cast.firm().split()[0], f"info@{cast.domain()}"
    records = {}
    for country, land in cast.random.sample(
        (("GB", "UK"), ("DE", "Germany"), ("FR", "France"), ("ES", "Iberia"), ("US", "America")), 3
    ):
        cast.moves(country)
        place = cast.home()
        place = place if cast.random.random() < 0.7 else {"country": country, "city": place["city"]}
        records[f"erp:{land}"] = {"company_name": f"{name} {land} {cast.form()}", "email": mailbox, **place}
    return story(title, records)


def sister_companies(cast: Cast, title: str) -> Story:
    """Companies of one group under one roof, with one number or one mailbox: what they do tells them apart."""
    cast.moves()
    name, roof = cast.firm().split()[0], cast.home()
    shared = cast.random.choice(({"email": f"info@{cast.domain()}"}, {"phone": cast.phone()}))
    trades = cast.random.sample(("Logistics", "Real Estate", "Verwaltung", "Consulting", "Media"), 3)
    return story(title, {f"erp:{t}": {"company_name": f"{name} {t} {cast.form()}", **shared, **roof} for t in trades})


def franchisees(cast: Cast, title: str) -> Story:
    """Franchisees in several towns, each with the town in its name, and one mailbox."""
    country = cast.moves("GB", "DE", "FR", "US")
    name, mailbox = cast.firm(), f"info@{cast.domain()}"
    records, bare = {}, cast.random.random() < 0.4
    for _ in range(cast.random.randint(2, 5)):
        place = cast.home()
        if bare:
            place = {"city": place["city"], "country": country}
        records[f"erp:{place['city']}"] = {"company_name": f"{name} {place['city']}", "email": mailbox, **place}
    return story(title, records)


def branches(cast: Cast, title: str) -> Story:
    """Franchisees of one name in four towns, with one mailbox: the towns tell them apart."""
    cast.moves("GB", "DE", "FR", "US")
    name, mailbox = f"{cast.firm()} {cast.form()}", f"info@{cast.domain()}"
    records: dict[str, Fields] = {}
    while len(records) < 4:
        place = cast.home()
        records[f"erp:{place['city']}"] = {"company_name": name, "email": mailbox, **place}
    return story(title, records)


def namesakes_abroad(cast: Cast, title: str) -> Story:
    """Companies of one name in two countries."""
    name = cast.random.choice((cast.firm(), cast.firm().split()[0]))
    records = {}
    one, other = cast.random.sample(("GB", "DE", "FR", "ES", "US", "SE", "IT"), 2)
    with_tax, with_place, with_phone = (cast.random.random() < 0.5 for _ in range(3))
    for country in (one, other):
        cast.moves(country)
        fields: Fields = cast.home() if with_place else {"country": country}
        fields |= {"tax_id": cast.tax()} if with_tax else {}
        fields |= {"phone": cast.phone()} if with_phone else {}
        records[f"erp:{country}"] = {"company_name": f"{name} {cast.form()}", **fields}
    return story(title, records)


def renamed(cast: Cast, title: str) -> Story:
    """A company that took another name and moved; its tax ID stayed."""
    country = cast.moves()
    tax = cast.tax()
    records = {
        "erp:1": {"company_name": f"{cast.firm()} {cast.form()}", "tax_id": tax, **cast.home()},
        "crm:1": {
            "company_name": cast.firm(),
            "tax_id": tax if cast.random.random() < 0.5 else tax.removeprefix(country),
            **cast.home(),
        },
    }
    if cast.random.random() < 0.5:
        records["erp:1"]["phone"], records["crm:1"]["phone"] = cast.phone(), cast.phone()
    return story(title, records, ["erp:1", "crm:1"])


def moved_company(cast: Cast, title: str) -> Story:
    """A company with its old and its new address, and one mailbox or number."""
    cast.moves()
    name, same = cast.firm(), cast.random.choice(({"email": f"info@{cast.domain()}"}, {"phone": cast.phone()}))
    return story(
        title,
        {
            "erp:1": {"company_name": f"{name} {cast.form()}", **same, **cast.home()},
            "crm:1": {"company_name": name, **same, **cast.home()},
        },
        ["erp:1", "crm:1"],
    )


def umlauts(cast: Cast, title: str) -> Story:
    """A company whose name one system writes with umlauts, another without."""
    cast.moves("DE")
    place, word = cast.home(), cast.random.choice(("Grün", "Köst", "Müh", "Großh", "Schön", "Bär", "Wöl", "Glück", "Preuß"))
    trade = cast.random.choice(("Bäckerei", "Möbel", "Bürobedarf", "Käsehaus", "Getränke", "Schlüsseldienst"))
    name = f"{word}{cast.firm().split()[0].lower()} {trade}"
    written = name.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
    there = cast.random.choice((place, {"city": place["city"], "country": "DE"}))
    return story(
        title, {"a:1": {"company_name": f"{name} GmbH", **place}, "b:1": {"company_name": written, **there}}, ["a:1", "b:1"]
    )


KINDS = (
    forty_at_a_switchboard,
    ten_at_a_switchboard,
    two_in_an_office,
    role_mailbox,
    subsidiaries,
    sister_companies,
    franchisees,
    branches,
    namesakes_abroad,
    renamed,
    moved_company,
    umlauts,
)
