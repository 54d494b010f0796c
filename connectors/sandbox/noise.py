"""How values get damaged on their way into a system: how often, and in which way.

The rates are per record, for a system of middling care; a channel multiplies those marked * by its own sloppiness (0.6 to 1.4, see
contacts.py). They follow the synthetic population of the project's linkage study (nicknames 10 %, initials 2 %, swapped names 1 %,
typing errors 3 to 8 % per record) and put typing errors where people make them: rarely in an e-mail that has to work, more often
in a street that a courier finds anyway. A typing error is one edit: a letter dropped, doubled, swapped or hit beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from connectors.sandbox.draw import chance

MD5_OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"
JUNK_EMAILS = ("n/a", "none", "test@example.com", "noreply@example.com", "no@email", MD5_OF_NOTHING, "-")
JUNK_PHONES = ("0000000000", "1234567890", "n/a", "+10000000000", "999999999")
JUNK_NAMES = ("test", "n/a", "Unknown", "-", "Customer")


@dataclass(frozen=True, slots=True)
class Rates:
    """Probabilities per record."""

    nickname: float = 0.10  # where the person has a short form; about 6 % of all records
    initial: float = 0.02
    swapped: float = 0.01
    letters_lost: float = 0.12  # ü becomes ue or u, where the name has such letters
    own_script: float = 0.15  # a Japanese name in kanji
    second_surname_dropped: float = 0.35
    given_typo: float = 0.02  # *
    family_typo: float = 0.03  # *
    shouted: float = 0.02
    second_email: float = 0.40  # where the person has a second one
    role_mailbox: float = 0.03  # info@ of the employer, where there is one
    email_typo: float = 0.012  # *
    email_tag: float = 0.01
    email_capitals: float = 0.05
    phone_typo: float = 0.015  # *
    landline: float = 0.25  # where there is one
    switchboard: float = 0.06  # where the person is employed
    street_typo: float = 0.05  # *
    street_short: float = 0.35  # Street becomes St
    city_typo: float = 0.03  # *
    postcode_typo: float = 0.02  # *
    flat_left_out: float = 0.3
    junk_email: float = 0.012
    junk_phone: float = 0.012
    junk_name: float = 0.004


RATES = Rates()

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {row[i]: row[max(i - 1, 0) : i] + row[i + 1 : i + 2] for row in _ROWS for i in range(len(row))}

_SHORT = (
    (" Street", " St"),
    (" Avenue", " Ave"),
    (" Road", " Rd"),
    (" Drive", " Dr."),
    (" Lane", " Ln"),
    (" Boulevard", " Blvd"),
    ("straße", "str."),
    (" Straße", " Str."),
    ("avenue ", "av. "),
    ("boulevard ", "bd "),
    ("Calle ", "C/ "),
    ("Avenida ", "Avda. "),
    ("ul. ", ""),
)


def typo(text: str, rng: Random) -> str:
    """One typing error, never in the first sign; texts under three signs stay."""
    if len(text) < 3:
        return text
    at = rng.randrange(1, len(text))
    kind = rng.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at] + text[at:]
    if kind == 2 and at + 1 < len(text):
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    beside = _BESIDE.get(text[at].lower())
    return text[:at] + (rng.choice(beside) if beside else text[at]) + text[at + 1 :]


def digit_typo(text: str, rng: Random) -> str:
    """One wrong or swapped digit, in the last six so that the place stays plausible."""
    places = [i for i, sign in enumerate(text) if sign.isdigit()][-6:]
    if len(places) < 2:
        return text
    i = rng.randrange(len(places) - 1)
    signs = list(text)
    if chance(rng, 0.5):
        signs[places[i]], signs[places[i + 1]] = signs[places[i + 1]], signs[places[i]]
    else:
        signs[places[i]] = str((int(signs[places[i]]) + rng.randrange(1, 10)) % 10)
    return "".join(signs)


def email_typo(address: str, rng: Random) -> str:
    """A typing error in the local part, so that the address stays well-formed."""
    local, _, domain = address.partition("@")
    wrong = typo(local, rng).replace("..", ".").strip(".")
    return f"{wrong}@{domain}"


def shorten_street(line: str) -> str:
    """A street with the country's usual abbreviation."""
    for long, short in _SHORT:
        if long in line:
            return line.replace(long, short)
    return line
