"""Countries: any usual way to write one -> ISO 3166-1 alpha-2, by pycountry and Babel's territory names."""

from __future__ import annotations

import re
from functools import cache

from hub.normalise.values import fold

# languages in which exports name countries; each costs some milliseconds once, and only where a name is not English
_LANGUAGES = "en de fr es it pt nl pl cs sk sl hr hu ro bg el tr ru uk sv da nb fi et lv lt ja ko zh ar he"
_ALIASES = {
    "GB": "uk england scotland wales northernireland greatbritain britain unitedkingdomofgreatbritain gbr",
    "US": "usa us unitedstatesofamerica america unitedstates estadosunidos vereinigtestaaten eeuu",
    "NL": "holland thenetherlands",
    "GR": "el",
    "CZ": "czechia czechrepublic tschechei",
    "RU": "russia",
    "KR": "southkorea korea",
    "AE": "uae",
    "IE": "republicofireland eire",
    "CI": "ivorycoast",
    "DE": "brd",
    "MK": "macedonia",
    "SZ": "swaziland",
    "TR": "turkey",
    "CN": "prc peoplesrepublicofchina",
}
_NOT_LETTERS = re.compile(r"[^a-z]")


def country_code(text: str) -> str | None:
    """The alpha-2 code of a country written as a code, a name or a usual short form, in a common language; None if unknown."""
    key = _NOT_LETTERS.sub("", fold(text)).removeprefix("the")
    return _english().get(key) or (_translated().get(key) if key else None)


@cache
def alpha2_codes() -> frozenset[str]:
    """All officially assigned codes."""
    import pycountry

    return frozenset(str(country.alpha_2) for country in pycountry.countries)


@cache
def _english() -> dict[str, str]:
    import pycountry

    names: dict[str, str] = {}
    for country in pycountry.countries:
        for attribute in ("name", "official_name", "common_name", "alpha_3", "alpha_2"):
            names[_key(getattr(country, attribute, ""))] = country.alpha_2
    names.update({alias: code for code, aliases in _ALIASES.items() for alias in aliases.split()})
    names.pop("", None)
    return names


@cache
def _translated() -> dict[str, str]:
    from babel import Locale

    names: dict[str, str] = {}
    for language in _LANGUAGES.split():
        for code, name in Locale(language).territories.items():
            if code in alpha2_codes():
                names.setdefault(_key(name), code)
    names.pop("", None)
    return names


def _key(name: str) -> str:
    return _NOT_LETTERS.sub("", fold(name)).removeprefix("the")
