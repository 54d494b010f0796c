"""Who there is: people, households and companies, with what truly belongs to them over time. The truth of the sandbox.

What a system comes to know of them, and how wrongly, is the affair of contacts.py and noise.py.

Shares, after the synthetic population of the project's linkage study: 22 % of people have a second e-mail; 13 % have moved and 3 %
have changed their family name since they were first seen, 4 % their e-mail; 7.5 % live in a household in which others are
customers too, with one family name and address (45 % of these households share a landline, 35 % a mailbox, in 12 % a parent and a
child have one name); 18 % work for one of the companies, of which there are 6 per 100 people; 0.3 % use an e-mail address that
somebody else gave up years ago.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from connectors.sandbox import names, places
from connectors.sandbox.draw import chance, stream, weighted
from connectors.sandbox.names import Name
from connectors.sandbox.people import Changing, Company, Person
from connectors.sandbox.places import City

DAY = 86_400
HISTORY_DAYS = 1_095

SECOND_EMAIL = 0.22
MOVED = 0.13
RENAMED = 0.03
CHANGED_EMAIL = 0.04
IN_HOUSEHOLD = 0.075
EMPLOYED = 0.18
COMPANIES_PER_PERSON = 0.06
REUSED_MAILBOX = 0.003

# .example is reserved (RFC 2606): these reach nobody, and any address there is well-formed
_MAIL_DOMAINS = {
    "US": ("quickmail", "bluepost", "inbox-usa"),
    "GB": ("quickmail", "royalpost", "teabreak-mail"),
    "DE": ("quickmail", "briefkasten", "nordpost"),
    "FR": ("quickmail", "courriel", "lapetiteposte"),
    "ES": ("quickmail", "correo-sol", "buzon"),
    "PL": ("quickmail", "poczta-pl", "skrzynka"),
    "JP": ("quickmail", "yubin", "tegami"),
}
_ROLES = {
    "US": ("info", "billing", "accounts", "office"),
    "GB": ("info", "accounts", "billing", "office"),
    "DE": ("info", "buchhaltung", "kontakt", "office"),
    "FR": ("contact", "compta", "info", "bureau"),
    "ES": ("info", "administracion", "contacto", "ventas"),
    "PL": ("biuro", "info", "ksiegowosc", "kontakt"),
    "JP": ("info", "keiri", "contact", "support"),
}


@dataclass
class Population:
    """Everybody. Newcomers are born later, one by one."""

    seed: int
    origin: int
    people: list[Person] = field(default_factory=list)
    companies: list[Company] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    _employers: dict[str, list[Company]] = field(default_factory=dict)

    def employers(self, country: str) -> list[Company]:
        """The companies of a country; all of them where it has none."""
        if not self._employers:
            for company in self.companies:
                self._employers.setdefault(company.country, []).append(company)
        return self._employers.get(country, self.companies)

    def newcomer(self, at: int) -> Person:
        """One more person, who joins at that time."""
        number = len(self.people)
        rng = stream(self.seed, "person", number)
        country = weighted(rng, places.COUNTRIES)
        city = places.city_of(country, rng)
        person = _person(self, number, country, city, names.family_name(country, rng), rng, joined=at)
        self.people.append(person)
        return person


def populate(seed: int, people: int, origin: int) -> Population:
    """The population of a world whose history ends at ``origin`` (unix seconds)."""
    everybody = Population(seed, origin)
    for number in range(max(1, round(people * COMPANIES_PER_PERSON))):
        everybody.companies.append(_company(everybody, number, stream(seed, "company", number)))
    while len(everybody.people) < people:
        _family(everybody, people - len(everybody.people))
    _pass_mailboxes_on(everybody)
    return everybody


def _joined(origin: int, rng: Random) -> int:
    # business grows: more people joined lately than long ago
    return origin - int(HISTORY_DAYS * DAY * rng.random() ** 1.25) - DAY


def _company(everybody: Population, number: int, rng: Random) -> Company:
    country = weighted(rng, places.COUNTRIES)
    city = places.city_of(country, rng)
    core, name = names.company_name(country, rng)
    domain = _slug(core, country)
    while domain in everybody.taken:
        domain += "-" + rng.choice(("group", "online", "hq", "co"))
    everybody.taken.add(domain)
    roles = rng.sample(_ROLES[country], 2)
    tax_id = f"DE{rng.randrange(10**8, 10**9)}" if country == "DE" else None
    return Company(
        f"company-{number:06d}",
        country,
        core,
        name,
        places.address_in(city, rng),
        f"{domain}.example",
        [f"{role}@{domain}.example" for role in roles],
        places.landline(city, rng),
        tax_id,
        _joined(everybody.origin, rng),
    )


def _family(everybody: Population, room: int) -> None:
    """One more person, or a household of several."""
    number = len(everybody.people)
    rng = stream(everybody.seed, "household", number)
    # of all units, the share that makes IN_HOUSEHOLD of the people live in one of 2.6 on average
    size = 1
    if chance(rng, IN_HOUSEHOLD / (2.6 - 1.6 * IN_HOUSEHOLD)):
        size = min(room, weighted(rng, ((2, 0.55), (3, 0.3), (4, 0.15))))
    country = weighted(rng, places.COUNTRIES)
    city = places.city_of(country, rng)
    family = names.family_name(country, rng)
    members = [
        _person(everybody, number + i, country, city, family, stream(everybody.seed, "person", number + i)) for i in range(size)
    ]
    if size > 1:
        _share(everybody, members, city, rng)
    everybody.people += members


def _share(everybody: Population, members: list[Person], city: City, rng: Random) -> None:
    head = members[0]
    home = head.address.now
    line = places.landline(city, rng) if chance(rng, 0.45) else None
    mailbox = _mailbox(everybody, f"{_slug(head.family.now.latin, head.country)}.family", head.country, rng)
    one_mailbox = chance(rng, 0.35)
    for member in members:
        member.address = Changing(home)
        member.landline = line
        if one_mailbox and chance(rng, 0.7):
            member.email = Changing(mailbox)
    if chance(rng, 0.12):
        head.suffix = "Sr" if head.country == "US" else None
        child = members[-1]
        child.given, child.sex, child.known_as = head.given, head.sex, None
        child.suffix = "Jr" if child.country == "US" else None


def _person(
    everybody: Population, number: int, country: str, city: City, family: Name, rng: Random, joined: int | None = None
) -> Person:
    sex = rng.choice("fm")
    given = names.given_name(country, sex, rng)
    joined = joined if joined is not None else _joined(everybody.origin, rng)
    email = _mailbox(everybody, _local_part(given, family, country, rng), country, rng)
    employers = everybody.employers(country)
    employer = rng.choice(employers) if chance(rng, EMPLOYED) else None
    person = Person(
        entity_id=f"person-{number:06d}",
        country=country,
        sex=sex,
        given=given,
        middle=names.given_name(country, sex, rng).latin if country in ("US", "GB") and chance(rng, 0.6) else None,
        suffix=None,
        known_as=names.nickname(country, given.latin, rng),
        family=Changing(family),
        city=city,
        address=Changing(places.address_in(city, rng)),
        email=Changing(email),
        second_email=_second_email(everybody, email, given, family, country, employer, rng) if chance(rng, SECOND_EMAIL) else None,
        mobile=places.mobile(city, rng),
        landline=places.landline(city, rng) if chance(rng, 0.2) else None,
        employer=employer,
        joined=joined,
    )
    if joined < everybody.origin:
        _live(everybody, person, rng)
    return person


def _live(everybody: Population, person: Person, rng: Random) -> None:
    """What changed for a person between joining and now."""

    def since() -> int:
        return rng.randrange(person.joined, everybody.origin)

    if chance(rng, MOVED):
        person.city = places.city_of(person.country, rng) if chance(rng, 0.5) else person.city
        person.address.change(since(), places.address_in(person.city, rng))
    if chance(rng, RENAMED * (1.7 if person.sex == "f" else 0.3)):
        person.family.change(since(), names.family_name(person.country, rng))
    if chance(rng, CHANGED_EMAIL):
        person.email.change(since(), new_mailbox(everybody, person, everybody.origin, rng))


def _pass_mailboxes_on(everybody: Population) -> None:
    """Some addresses were given up long ago and taken by somebody else."""
    rng = stream(everybody.seed, "mailboxes passed on")
    old = [p for p in everybody.people if p.joined < everybody.origin - 850 * DAY and len(p.email.all()) == 1]
    new = [p for p in everybody.people if p.joined > everybody.origin - 300 * DAY and len(p.email.all()) == 1]
    count = min(len(old), len(new), round(len(everybody.people) * REUSED_MAILBOX))
    for giver, taker in zip(rng.sample(old, count), rng.sample(new, count), strict=True):
        taker.email = Changing(giver.email.now)
        giver.email.change(giver.joined + 60 * DAY, new_mailbox(everybody, giver, everybody.origin, rng))


def _slug(text: str, country: str) -> str:
    return "".join(c for c in names.ascii_of(text, country).lower().replace(" ", "-") if c.isalnum() or c == "-")


def _local_part(given: Name, family: Name, country: str, rng: Random) -> str:
    g, f = _slug(given.latin, country), _slug(family.latin.split()[0], country)
    short = names.nickname(country, given.latin, rng)
    n = _slug(short, country) if short else g
    year = rng.randrange(50, 100) if chance(rng, 0.8) else rng.randrange(10)
    patterns = ((f"{g}.{f}", 34), (f"{g[0]}{f}", 16), (f"{g}.{f}{year}", 15), (f"{g}_{f}", 6), (f"{f}{g}", 6), (f"{n}{year}", 13))
    return weighted(rng, (*patterns, (f"{n}.{f}", 10)))


def new_mailbox(everybody: Population, person: Person, at: int, rng: Random) -> str:
    """A new address for somebody who gives up the old one."""
    return _mailbox(everybody, _local_part(person.given, person.family.at(at), person.country, rng), person.country, rng)


def _mailbox(everybody: Population, local: str, country: str, rng: Random) -> str:
    """An address nobody has, at one of the country's mail providers."""
    domain = rng.choice(_MAIL_DOMAINS[country])
    address = f"{local}@{domain}.example"
    while address in everybody.taken:
        local += str(rng.randrange(10))
        address = f"{local}@{domain}.example"
    everybody.taken.add(address)
    return address


def _second_email(
    everybody: Population, first: str, given: Name, family: Name, country: str, employer: Company | None, rng: Random
) -> str:
    """A second address: at work, or the same local part elsewhere, or another one."""
    if employer and chance(rng, 0.7):
        address = f"{_slug(given.latin, country)}.{_slug(family.latin.split()[0], country)}@{employer.domain}"
        if address not in everybody.taken:
            everybody.taken.add(address)
            return address
    local = first.split("@")[0] if chance(rng, 0.5) else _local_part(given, family, country, rng)
    return _mailbox(everybody, local, country, rng)
