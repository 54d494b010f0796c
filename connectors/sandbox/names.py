"""What people and companies are called, by country. The names themselves stand in names.txt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from connectors.sandbox.draw import Ranked, chance, weighted

# how often a family name is a rare one, composed of two halves: the long tail that real registers have
RARE_FAMILY_NAME = 0.5

_LEGAL_FORMS = {
    "US": (("Inc.", 4.0), ("LLC", 5.0), ("Corp", 1.0)),
    "GB": (("Ltd", 6.0), ("Limited", 2.0), ("PLC", 0.5)),
    "DE": (("GmbH", 6.0), ("AG", 1.0), ("GmbH & Co. KG", 1.5)),
    "FR": (("SARL", 4.0), ("SAS", 4.0), ("S.A.", 1.0)),
    "ES": (("S.L.", 6.0), ("S.A.", 2.0)),
    "PL": (("Sp. z o.o.", 6.0), ("S.A.", 1.0)),
    "JP": (("K.K.", 4.0), ("Co., Ltd.", 5.0)),
}


@dataclass(frozen=True, slots=True)
class Name:
    """A name in Latin letters, and in its own script where that is another one."""

    latin: str
    native: str | None = None

    @classmethod
    def parse(cls, text: str) -> Name:
        """From ``Sato/佐藤`` or ``Smith``."""
        latin, _, native = text.partition("/")
        return cls(latin, native or None)

    def __add__(self, tail: Name) -> Name:
        return Name(self.latin + tail.latin, self.native + tail.native if self.native and tail.native else None)


@cache
def sections(file: str, separator: str | None = None) -> dict[str, list[str]]:
    """A data file's sections, each a list of its entries in order."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in files(__package__).joinpath(file).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            current = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            current += [line] if separator == "\n" else line.split(separator)
    return found


@cache
def _ranked(section: str) -> Ranked[Name]:
    # given names are more concentrated than family names
    exponent = 0.75 if " given" in section else 0.6
    return Ranked([Name.parse(text) for text in sections("names.txt")[section]], exponent)


def given_name(country: str, sex: str, rng: Random) -> Name:
    """A given name; sex is ``f`` or ``m``."""
    return _ranked(f"{country} given {sex}").pick(rng)


def family_name(country: str, rng: Random) -> Name:
    """A family name; a Spanish one is two."""
    if country == "ES":
        return Name(f"{_ranked('ES family').pick(rng).latin} {_ranked('ES family').pick(rng).latin}")
    if not chance(rng, RARE_FAMILY_NAME):
        return _ranked(f"{country} family").pick(rng)
    heads, tails = _ranked(f"{country} family head").items, _ranked(f"{country} family tail").items
    return heads[rng.randrange(len(heads))] + tails[rng.randrange(len(tails))]


@cache
def _local_nicknames() -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for section, lines in sections("names.txt", "\n").items():
        if section.endswith("nicknames"):
            for line in lines:
                formal, *short = line.split()
                found.setdefault((section[:2], formal), []).extend(short)
    return found


@cache
def _english_nicknames(given: str) -> tuple[str, ...]:
    return tuple(sorted(name.capitalize() for name in _namer().nicknames_of(given) if len(name) > 2))


@cache
def _namer() -> Any:
    from nicknames import NickNamer

    return NickNamer()


def nickname(country: str, given: str, rng: Random) -> str | None:
    """What friends call a person of that given name, or None where there is no such short form."""
    if country in ("US", "GB"):
        choices: list[str] = list(_english_nicknames(given))
    else:
        choices = _local_nicknames().get((country, given), [])
    return rng.choice(choices) if choices else None


def company_name(country: str, rng: Random) -> tuple[str, str]:
    """A company's name without and with its legal form."""
    words, trades = sections("names.txt")["company words"], sections("names.txt")["company trades"]
    core = f"{rng.choice(words)} {rng.choice(trades)}"
    if chance(rng, 0.15):
        core = f"{family_name(country, rng).latin.split()[0]} {core.split()[1]}"
    return core, f"{core} {weighted(rng, _LEGAL_FORMS[country])}"


_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


def ascii_of(text: str, country: str) -> str:
    """The text in plain ASCII, as a keyboard without the country's letters would have it."""
    from anyascii import anyascii

    return str(anyascii(text.translate(_GERMAN) if country == "DE" else text))
