"""Where people live and how they are rung: addresses and phone numbers as each country writes them.

Cities, post codes and area codes are real (places.csv); house numbers and subscriber numbers are drawn. Nobody is ever called.
"""

from __future__ import annotations

import csv
import string
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random

from connectors.sandbox.draw import chance
from connectors.sandbox.names import sections

# share of the people by country
COUNTRIES = (("US", 0.34), ("GB", 0.20), ("DE", 0.14), ("FR", 0.10), ("ES", 0.08), ("PL", 0.07), ("JP", 0.07))
COUNTRY_NAME = {
    "US": "United States",
    "GB": "United Kingdom",
    "DE": "Germany",
    "FR": "France",
    "ES": "Spain",
    "PL": "Poland",
    "JP": "Japan",
}
CALLING_CODE = {"US": "1", "GB": "44", "DE": "49", "FR": "33", "ES": "34", "PL": "48", "JP": "81"}
# national trunk prefix that people dial at home
_TRUNK = {"US": "", "GB": "0", "DE": "0", "FR": "0", "ES": "", "PL": "", "JP": "0"}
# what is dialled before a calling code; Europe has settled on 00
_ABROAD = {"JP": "010"}
# mobile prefixes and how many digits follow; North America has no mobile ranges
_MOBILE = {
    "GB": ("7400 7412 7425 7512 7590 7711 7720 7733 7771 7802 7855 7890 7905 7931 7970 7985", 6),
    "DE": ("1511 1512 1515 1516 1520 1522 1573 1575 1577 1578 160 170 171 172 173 175 176 177 179", 7),
    "FR": ("60 61 62 66 67 68 76 77 78", 7),
    "ES": ("60 61 62 63 64 65 66 67 68 69", 7),
    "PL": ("50 51 53 60 66 69 72 78 79 88", 7),
    "JP": ("70 80 90", 8),
}
# first digit of the local number, by area code: London, Northern Ireland
_BRITISH_FIRST = {"20": "7", "28": "9"}
_LANDLINE_LENGTH = {"GB": 10, "DE": 10, "FR": 9, "ES": 9, "PL": 9, "JP": 9}
_LINE = {
    "US": "{n} {street} {suffix}",
    "GB": "{n} {street} {suffix}",
    "DE": "{street} {n}",
    "FR": "{n} {street}",
    "ES": "{street} {n}",
    "PL": "ul. {street} {n}",
    "JP": "{street} {a}-{b}-{c}",
}
_FLAT = {
    "US": "Apt {n}",
    "GB": "Flat {n}",
    "DE": "c/o Hinterhaus {n}",
    "FR": "Appt {n}",
    "ES": "{n}º A",
    "PL": "m. {n}",
    "JP": "#{n}01",
}


@dataclass(frozen=True, slots=True)
class City:
    """A line of places.csv. In the post code's pattern ``#`` is a digit and ``@`` a letter."""

    country: str
    city: str
    region: str
    region_code: str
    postcode: str
    area_codes: str


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address as its country writes it; country is the ISO 3166 code."""

    line1: str
    line2: str | None
    city: str
    region: str
    region_code: str
    postal_code: str
    country: str


@cache
def _cities(country: str) -> tuple[City, ...]:
    text = files(__package__).joinpath("places.csv").read_text(encoding="utf-8")
    return tuple(City(**row) for row in csv.DictReader(text.splitlines()) if row["country"] == country)


def city_of(country: str, rng: Random) -> City:
    """A city of the country."""
    return rng.choice(_cities(country))


def _fill(pattern: str, rng: Random) -> str:
    # British inward codes use no C, I, K, M, O or V (Royal Mail, PAF guide)
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    first = True
    out = []
    for sign in pattern:
        if sign == "#":
            out.append(rng.choice("123456789" if first else string.digits))
            first = False
        else:
            out.append(rng.choice(letters) if sign == "@" else sign)
    return "".join(out)


def address_in(city: City, rng: Random) -> Address:
    """An address in a city."""
    streets = sections("streets.txt", "|")
    line = _LINE[city.country].format(
        n=rng.randrange(1, 1900 if city.country == "US" else 180),
        street=rng.choice(streets[city.country]),
        suffix=rng.choice(streets.get(f"{city.country} suffix", [""])),
        a=rng.randrange(1, 9),
        b=rng.randrange(1, 30),
        c=rng.randrange(1, 20),
    )
    flat = _FLAT[city.country].format(n=rng.randrange(1, 40)) if chance(rng, 0.2) else None
    return Address(line, flat, city.city, city.region, city.region_code, _fill(city.postcode, rng), city.country)


def mobile(city: City, rng: Random) -> str:
    """A mobile number in E.164."""
    if city.country == "US":
        return landline(city, rng)
    prefixes, digits = _MOBILE[city.country]
    return f"+{CALLING_CODE[city.country]}{rng.choice(prefixes.split())}{rng.choice('123456789')}{_digits(rng, digits - 1)}"


def landline(city: City, rng: Random) -> str:
    """A landline number in E.164, in the city's own area code."""
    area = rng.choice(city.area_codes.split())
    if city.country == "US":
        # an exchange is never N11, and 555 is kept for fiction and directory enquiries
        exchange = f"{rng.randrange(2, 10)}{rng.randrange(2, 10)}{rng.randrange(10)}"
        return f"+1{area}{'482' if exchange == '555' else exchange}{_digits(rng, 4)}"
    rest = _LANDLINE_LENGTH[city.country] - len(area)
    first = _BRITISH_FIRST.get(area, "2") if city.country == "GB" else rng.choice("2345678")
    return f"+{CALLING_CODE[city.country]}{area}{first}{_digits(rng, rest - 1)}"


def _digits(rng: Random, count: int) -> str:
    return "".join(rng.choice(string.digits) for _ in range(count))


def as_typed(e164: str, rng: Random) -> str:
    """The number as people of its country write it: with spaces, brackets, a trunk zero, 00, or plainly."""
    country = next(country for country, code in CALLING_CODE.items() if e164.startswith(f"+{code}"))
    national = e164[1 + len(CALLING_CODE[country]) :]
    code = CALLING_CODE[country]
    if country == "US":
        a, b, c = national[:3], national[3:6], national[6:]
        return rng.choice((f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"{a}.{b}.{c}", f"+1 {a} {b} {c}", f"1-{a}-{b}-{c}", e164))
    cut = 4 if len(national) > 9 else 3
    spaced = f"{national[:cut]} {national[cut:]}"
    return rng.choice(
        (
            f"{_TRUNK[country]}{spaced}",
            f"{_TRUNK[country]}{national}",
            f"+{code} {spaced}",
            f"{_ABROAD.get(country, '00')}{code} {spaced}",
            e164,
        )
    )
