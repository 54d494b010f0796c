"""What a person or company tells one system about itself, through one channel, at one time: the truth after noise.

Coverage by channel (share of records that have the value) differs as it does between real systems:

| channel | name | e-mail | phone | address |
|---|---|---|---|---|
| stripe | one field | 96 % | 45 % | 80 % |
| zendesk | one field | 94 % | 35 %, all without e-mail | none |
| shopify | given, family | 97 % | 62 % | 90 % |
| guest (order without account) | given, family | 92 % | 78 %, all without e-mail | all |
| charge (payment without customer) | one field | 85 % | 30 % | 60 % |
| lead | one field | 95 % | 90 % | 85 %, city and post code |
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from connectors.sandbox import names, noise, places
from connectors.sandbox.draw import chance
from connectors.sandbox.names import Name
from connectors.sandbox.noise import RATES
from connectors.sandbox.people import Company, Owner, Person
from connectors.sandbox.places import Address


@dataclass(frozen=True, slots=True)
class Channel:
    """A way into a system.

    Attributes:
        email, phone, address: share of records that have one.
        sloppiness: how much more or less often than usual people mistype here.
        checked: the system refuses an e-mail or phone that is not well-formed, so no junk enters.
        e164: share of phones kept as +49...; the others stay as typed.
    """

    name: str
    email: float
    phone: float
    address: float
    sloppiness: float
    checked: bool
    e164: float
    own_script: bool = False


CHANNELS = {
    c.name: c
    for c in (
        Channel("stripe", 0.96, 0.45, 0.80, 0.9, False, 0.5),
        Channel("zendesk", 0.94, 0.35, 0.0, 0.6, True, 0.85, own_script=True),
        Channel("shopify", 0.97, 0.62, 0.90, 0.8, True, 1.0, own_script=True),
        Channel("guest", 0.92, 0.78, 1.0, 1.4, False, 0.3),
        Channel("charge", 0.85, 0.30, 0.60, 1.2, False, 0.5),
        Channel("lead", 0.95, 0.90, 0.85, 1.2, False, 0.8),
    )
}


@dataclass(frozen=True, slots=True)
class Contact:
    """What a system is told. ``full_name`` is the name as one field; ``locale`` a BCP 47 tag."""

    given: str | None
    family: str | None
    full_name: str | None
    company: str | None
    email: str | None
    phone: str | None
    address: Address | None
    country: str
    locale: str
    tax_id: str | None = None


_LOCALE = {"US": "en-US", "GB": "en-GB", "DE": "de-DE", "FR": "fr-FR", "ES": "es-ES", "PL": "pl-PL", "JP": "ja-JP"}


def contact_of(owner: Owner, channel_name: str, at: int, rng: Random) -> Contact:
    """A new contact of an owner through a channel at a time (unix seconds)."""
    channel = CHANNELS[channel_name]
    if isinstance(owner, Company):
        return _of_company(owner, channel, rng)
    given: str | None
    family: str | None
    given, family, full = _names(owner, channel, at, rng)
    email, at_work = _email(owner, channel, at, rng)
    phone = _phone(owner, channel, email is None, rng)
    address = _address(owner.address.at(at), channel, rng) if chance(rng, channel.address) else None
    company = owner.employer.name if owner.employer and chance(rng, 0.7 if at_work else 0.05) else None
    if chance(rng, RATES.junk_name) and not channel.checked:
        given, family, full = None, None, rng.choice(noise.JUNK_NAMES)
    return Contact(given, family, full, company, email, phone, address, owner.country, _LOCALE[owner.country])


def _names(person: Person, channel: Channel, at: int, rng: Random) -> tuple[str, str, str]:
    """Given name, family name and both in one field."""
    name = person.family.at(at)
    if channel.own_script and name.native and person.given.native and chance(rng, RATES.own_script):
        return person.given.native, name.native, f"{name.native} {person.given.native}"
    given, family = _spelled(person, name, channel, rng)
    if person.suffix and chance(rng, 0.5):
        family = f"{family} {person.suffix}"
    full = f"{given} {family}"
    if person.middle and chance(rng, 0.12):
        full = f"{given} {person.middle[0]}. {family}"
    elif chance(rng, 0.03):
        full = f"{family}, {given}"
    if chance(rng, RATES.swapped):
        given, family = family, given
        full = f"{given} {family}"
    if chance(rng, RATES.shouted):
        given, family, full = given.upper(), family.upper(), full.upper()
    return given, family, full


def _spelled(person: Person, name: Name, channel: Channel, rng: Random) -> tuple[str, str]:
    given, family = person.given.latin, name.latin
    if person.known_as and chance(rng, RATES.nickname):
        given = person.known_as
    elif chance(rng, RATES.initial):
        given = given[0] + "."
    if " " in family and chance(rng, RATES.second_surname_dropped):
        family = family.split()[0]
    if chance(rng, RATES.letters_lost):
        given, family = names.ascii_of(given, person.country), names.ascii_of(family, person.country)
    if chance(rng, RATES.given_typo * channel.sloppiness):
        given = noise.typo(given, rng)
    if chance(rng, RATES.family_typo * channel.sloppiness):
        family = noise.typo(family, rng)
    return given, family


def _email(person: Person, channel: Channel, at: int, rng: Random) -> tuple[str | None, bool]:
    """The e-mail given, and whether it is the one at work."""
    if not chance(rng, channel.email):
        return None, False
    if chance(rng, RATES.junk_email) and not channel.checked:
        return rng.choice(noise.JUNK_EMAILS), False
    address = person.email.at(at)
    if person.second_email and chance(rng, RATES.second_email):
        address = person.second_email
    if person.employer and chance(rng, RATES.role_mailbox):
        address = rng.choice(person.employer.mailboxes)
    at_work = person.employer is not None and address.endswith(f"@{person.employer.domain}")
    if chance(rng, RATES.email_typo * channel.sloppiness):
        address = noise.email_typo(address, rng)
    if chance(rng, RATES.email_tag):
        address = address.replace("@", f"+{channel.name}@")
    if chance(rng, RATES.email_capitals):
        address = address.title().replace("Example", "example")
    return address, at_work


def _phone(person: Person, channel: Channel, needed: bool, rng: Random) -> str | None:
    """The phone given; ``needed`` where there is no e-mail to answer to."""
    if not chance(rng, 1.0 if needed and channel.name in ("zendesk", "guest", "shopify") else channel.phone):
        return None
    if chance(rng, RATES.junk_phone) and not channel.checked:
        return rng.choice(noise.JUNK_PHONES)
    number = person.mobile
    if person.landline and chance(rng, RATES.landline):
        number = person.landline
    elif person.employer and chance(rng, RATES.switchboard):
        number = person.employer.phone
    if chance(rng, RATES.phone_typo * channel.sloppiness):
        number = noise.digit_typo(number, rng)
    if chance(rng, channel.e164):
        return number
    return places.as_typed(number, rng)


def _address(address: Address, channel: Channel, rng: Random) -> Address:
    line1 = noise.shorten_street(address.line1) if chance(rng, RATES.street_short) else address.line1
    if chance(rng, RATES.street_typo * channel.sloppiness):
        line1 = noise.typo(line1, rng)
    line2 = None if chance(rng, RATES.flat_left_out) else address.line2
    city = noise.typo(address.city, rng) if chance(rng, RATES.city_typo * channel.sloppiness) else address.city
    postal_code = address.postal_code
    if chance(rng, RATES.postcode_typo * channel.sloppiness):
        postal_code = noise.digit_typo(postal_code, rng)
    return replace(address, line1=line1, line2=line2, city=city, postal_code=postal_code)


def _of_company(company: Company, channel: Channel, rng: Random) -> Contact:
    name = company.name if chance(rng, 0.75) else company.core_name
    if chance(rng, RATES.family_typo * channel.sloppiness):
        name = noise.typo(name, rng)
    email = rng.choice(company.mailboxes) if chance(rng, channel.email) else None
    phone = None
    if chance(rng, 0.7) or email is None:
        phone = company.phone if chance(rng, channel.e164) else places.as_typed(company.phone, rng)
    address = _address(company.address, channel, rng) if chance(rng, channel.address) else None
    tax_id = company.tax_id if chance(rng, 0.6) else None
    return Contact(None, None, name, name, email, phone, address, company.country, _LOCALE[company.country], tax_id)
