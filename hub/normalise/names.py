"""Personal names: a full name into its parts, and the case of names that were shouted. parts.sql holds the fast path.

Which names are one person's is not judged here, and nothing is corrected: parts keep the source's spelling.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, dataclass, fields
from functools import cache

_GENERATION = {
    "jr": "Jr", "jnr": "Jr", "junior": "Jr", "sr": "Sr", "snr": "Sr", "senior": "Sr",
    "ii": "II", "2nd": "II", "iii": "III", "3rd": "III", "iv": "IV", "4th": "IV", "v": "V", "5th": "V",
}  # fmt: skip
_BETWEEN_SUFFIXES = re.compile(r"[\s,]+")
_WORD = re.compile(r"[^\s'’-]+")
_PARTICLES = " af av bin bint da das de del della den der des di do dos du e el ibn la le ten ter van vom von y zu zum zur "
_ROMAN = frozenset(("ii", "iii", "iv", "vi", "vii", "viii"))


@dataclass(frozen=True, slots=True)
class NameParts:
    """A person's name in parts; None where there is none. ``suffix`` is Jr, Sr, II, III, IV or V."""

    given: str | None
    middle: str | None
    family: str | None
    suffix: str | None

    def as_dict(self) -> dict[str, str | None]:
        """The parts by name."""
        return asdict(self)


def split_name(full: str) -> NameParts:
    """The parts of a full name, by nameparser. Titles, post-nominals and nicknames are left out.

    The order of the parts is the usual one of the script (Chinese, Japanese and Korean names: family name first) unless a
    comma says otherwise.
    """
    from nameparser import parse

    name = parse(full)
    suffixes = [suffix for suffix in _BETWEEN_SUFFIXES.split(name.suffix) if suffix]
    generation = next((found for suffix in suffixes if (found := _GENERATION.get(suffix.lower().strip(".")))), None)
    # "Jack MD": two words are a name before they are a degree
    family = name.family or (suffixes[0] if suffixes and generation is None else None)
    return NameParts(name.given or None, name.middle or None, family, generation)


@cache
def special_words() -> frozenset[str]:
    """Words that nameparser may read as more than a plain name (titles, particles, suffixes ...), lower case, without dots."""
    from nameparser import Lexicon

    lexicon = Lexicon.default()
    lists = [entries for field in fields(lexicon) if isinstance(entries := getattr(lexicon, field.name), frozenset)]
    return frozenset(word.lower().replace(".", "") for entries in lists for entry in entries for word in str(entry).split())


def title_case(name: str) -> str:
    """A name that was SHOUTED or written all lower, in title case."""
    return unicodedata.normalize("NFC", _WORD.sub(_titled, name))


def _titled(match: re.Match[str]) -> str:
    word = match.group().replace("İ", "i").lower()  # lower() alone leaves the Turkish dot behind as a mark of its own
    if match.start() > 0 and f" {word} " in _PARTICLES:
        return word
    if word in _ROMAN:
        return word.upper()
    if word.startswith("mc") and len(word) > 3:
        return "Mc" + word[2:].title()
    if not word[0].isalpha():
        return word
    # title() and not upper(): scripts without case stay, and digraphs get their title form
    return word[0].title() + word[1:]
