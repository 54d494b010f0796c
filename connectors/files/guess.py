"""Which legacy encoding bytes are in that are no UTF-8, told by the words they make.

charset-normalizer alone takes Spanish for Polish (Muñoz becomes Muńoz), because names are few and short. So the Latin alphabets
are judged here: by how many words are spelt with the letters of one language of that encoding. It then has to tell apart only
those alphabets that have nothing in common. The country in hub.yaml settles what the words leave open.
"""

from __future__ import annotations

import re

# letters beyond ASCII, language by language, of what spreadsheets and databases write where it is not UTF-8
_LATIN = {
    "cp1252": (
        "äöüß",
        "àâæçéèêëîïôœùûüÿ",
        "áéíñóúü",
        "àçèéíïòóúü",
        "àáâãçéêíóôõú",
        "àèéìíîòóùú",
        "æøåéüö",
        "åäöéüšž",
        "áðéíóúýþæö",
        "éëïöüèó",
    ),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţ", "äöüß"),
    "cp1254": ("çğıiöşüâîû",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "õäöüšž"),
}
_ASIAN = ("shift_jis", "gb18030", "big5", "euc_kr")
# of other alphabets of one byte a letter: the letters that make up half of any text
_FREQUENT = {"cp1251": "оаеинтрсі", "cp1253": "αοιετσνς", "cp1255": "יוהלאמרתש", "cp1256": "ايلمنروةع"}
_COUNTRIES = {
    "cp1250": "PL CZ SK HU SI HR BA RO AL RS ME",
    "cp1251": "RU UA BY BG MK KZ KG TJ UZ MN",
    "cp1253": "GR CY",
    "cp1254": "TR AZ",
    "cp1255": "IL",
    "cp1256": "SA AE EG IQ IR JO KW LB LY MA OM PK QA SY TN YE DZ BH",
    "cp1257": "LT LV EE",
    "shift_jis": "JP",
    "gb18030": "CN SG",
    "big5": "TW HK MO",
    "euc_kr": "KR",
}
_SAMPLE = 64 * 1024
_WORD = re.compile(r"(?:[A-Za-z]|[^\x00-\x7f‘’‚“”„–—…€°§£«»·•™®©\u00a0\u00ad])+")
_ENOUGH = 0.8
# a word of Latin letters and others, which nobody writes
_MIXED = re.compile(r"[A-Za-z][^\x00-\x7f]|[^\x00-\x7f][A-Za-z]")


def guess(data: bytes, country: str | None = None) -> str:
    """The likeliest encoding of lines some of which are no ASCII; ``country``: where they come from, if that is known."""
    sample = b"\n".join(line for line in data.split(b"\n") if not line.isascii())[:_SAMPLE]
    home = next((encoding for encoding, countries in _COUNTRIES.items() if country and country in countries.split()), "cp1252")
    if home in _ASIAN and not _MIXED.search(sample.decode(home, errors="ignore")) and _decodes(sample, home):
        return home
    best = max(_LATIN, key=lambda encoding: (*_latin(sample, encoding), encoding == home, encoding == "cp1252"))
    if _latin(sample, best)[0] >= _ENOUGH:
        return best
    return _other(sample, home) or best


def _latin(sample: bytes, encoding: str) -> tuple[float, float]:
    """What share of the words is spelt with letters of some language of an encoding, and with those of the likeliest of them."""
    words = [word for word in _WORD.findall(sample.decode(encoding, errors="replace").lower()) if not word.isascii()]
    if not words:
        return 1.0, 1.0
    by_language = [[_spelt(word, letters) for word in words] for letters in _LATIN[encoding]]
    some = sum(any(found) for found in zip(*by_language, strict=True))
    return round(some / len(words), 2), max(sum(found) for found in by_language) / len(words)


def _spelt(word: str, letters: str) -> bool:
    foreign = [character for character in word if not character.isascii() and character != "\u0307"]  # of a lowered İ
    # no language of Latin letters writes words of accents alone
    return all(character in letters for character in foreign) and len(foreign) <= max(1, len(word) * 2 // 3)


def _other(sample: bytes, home: str) -> str | None:
    from charset_normalizer import from_bytes

    # the most orderly; it tells syllables and ideographs from letters well, one alphabet from another less so
    found = list(from_bytes(sample, cp_isolation=[*_FREQUENT, *_ASIAN]))
    if any(match.encoding == home and match.chaos <= found[0].chaos + 0.05 for match in found):
        return home
    if not found or found[0].encoding in _ASIAN:
        return found[0].encoding if found else None
    return max(_FREQUENT, key=lambda encoding: _frequent(sample, encoding))


def _frequent(sample: bytes, encoding: str) -> float:
    text = sample.decode(encoding, errors="replace").lower()
    return sum(text.count(letter) for letter in _FREQUENT[encoding]) / len(text)


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
