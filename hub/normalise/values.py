"""What a normaliser gives back, text hygiene, transliteration and the word lists: what every other module here builds on.

No rule about a particular kind of value belongs here.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Status = Literal["valid", "possible", "invalid", "junk", "missing"]
WordList = Literal["placeholder", "placeholder_name", "junk_local", "junk_domain", "role_local"]

# the same two patterns stand in clean.sql; zero-width characters and bidi marks are all of category Cf
_INVISIBLE = re.compile(r"[\x00-\x08\x0E-\x1F\x7F-\x84\x86-\x9F]")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Normalised:
    """One value, normalised.

    Attributes:
        value: what may be shown and stored; None unless the status is valid or possible.
        key: what is compared: ASCII, lower case; None where there is nothing to compare.
        status: what became of it.
    """

    value: str | None
    key: str | None
    status: Status


MISSING = Normalised(None, None, "missing")
INVALID = Normalised(None, None, "invalid")
JUNK = Normalised(None, None, "junk")


def clean_text(text: str | None) -> str | None:
    """Text without control and zero-width characters, composed (NFC), white space of any kind as single spaces; "" is None."""
    if text is None:
        return None
    visible = "".join(c for c in _INVISIBLE.sub("", text) if c.isascii() or unicodedata.category(c) not in ("Cf", "Cs"))
    return _SPACE.sub(" ", unicodedata.normalize("NFC", visible)).strip() or None


def fold(text: str) -> str:
    """Lower-case ASCII for match keys: compatibility forms composed (NFKC), then transliterated; pictures are dropped.

    NFKC and not NFKD: decomposed, Japanese loses its voicing marks and Korean its syllables on the way to ASCII.
    """
    from anyascii import anyascii

    kept = "".join(c for c in unicodedata.normalize("NFKC", text) if c.isascii() or unicodedata.category(c)[0] not in "SC")
    return anyascii(kept).lower()


@cache
def words(name: WordList) -> frozenset[str]:
    """One of the lists in words.csv, lower case."""
    text = files(__package__).joinpath("words.csv").read_text(encoding="utf-8")
    return frozenset(row["word"] for row in csv.DictReader(text.splitlines()) if row["list"] == name)
