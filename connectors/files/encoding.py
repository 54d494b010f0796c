"""Which encoding a text file is in: by its mark, by its zeros, else by the first bytes that are not ASCII.

The first such block settles it for the whole file. What comes later and is not of that encoding is known by its line and turned
down there: a wrong guess costs lines that people can look at, and spoils none.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from connectors.files.guess import guess

# UTF-32 before UTF-16: its mark begins with the other's
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_WIDE = ("utf-16", "utf-32")
_UTF8_PAIR = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_LONE = re.compile("[\udc80-\udcff]")


@dataclass
class Decoder:
    """Bytes to text, block by block.

    Attributes:
        encoding: None as long as all was ASCII.
        guessed: whether it was guessed, and not told by hub.yaml, by a mark or by being valid UTF-8.
        country: where the file comes from, for guessing.
    """

    encoding: str | None = None
    guessed: bool = False
    country: str | None = None

    @classmethod
    def of(cls, start: bytes, declared: str | None, country: str | None = None) -> Decoder:
        """For a file that starts with these bytes (four at least, if it has so many); its mark, if any, is not taken off."""
        marked = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
        if marked and (declared is None or _family(declared) == _family(marked)):
            return cls(marked)
        if declared is not None:
            # without a mark the byte order has to be said, or is what Windows writes
            return cls(f"{declared}-le" if declared in _WIDE else declared.removesuffix("-sig"))
        return cls(_unmarked_wide(start), country=country)

    @property
    def line_end(self) -> bytes:
        """A line feed as it is encoded."""
        return "\n".encode(self.encoding or "ascii")

    def decode(self, data: bytes) -> tuple[str, bool]:
        """The text of whole lines, and whether some of them have to be judged one by one with `is_spoilt`."""
        if self.encoding is None:
            if data.isascii():
                return data.decode("ascii"), False
            self.encoding, self.guessed = _told(data, self.country)
        try:
            text = data.decode(self.encoding)
        except UnicodeDecodeError:
            return data.decode(self.encoding, "replace" if self.encoding.startswith(_WIDE) else "surrogateescape"), True
        return text, self._mixed and _UTF8_PAIR.search(data) is not None

    def is_spoilt(self, text: str) -> str | None:
        """What is wrong with the bytes of a line or a value; None if nothing is."""
        if text.isascii():
            return None
        wide = self.encoding is not None and self.encoding.startswith(_WIDE)
        if "\ufffd" in text if wide else _LONE.search(text):
            return "the line has bytes that are not of the file's encoding"
        if self._mixed and _is_utf8(text.encode(self.encoding or "ascii")):
            return f"the line is UTF-8 in a file that was taken for {self.encoding}; encoding in hub.yaml would settle it"
        return None

    @property
    def _mixed(self) -> bool:
        # in Western and Eastern European text of one byte per character, nothing looks like UTF-8 by chance
        return self.guessed and (self.encoding or "").startswith("cp125")


def _family(encoding: str) -> str:
    name = codecs.lookup(encoding).name
    return next((wide for wide in _WIDE if name.startswith(wide)), name.removesuffix("-sig"))


def _unmarked_wide(start: bytes) -> str | None:
    """UTF-16 of text that begins in Latin letters: every other byte is zero."""
    even, odd = start[0::2], start[1::2]
    if len(start) < 4 or not even or not odd:
        return None
    if odd.count(0) > 0.6 * len(odd) and even.count(0) <= 0.1 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.6 * len(even) and odd.count(0) <= 0.1 * len(odd):
        return "utf-16-be"
    return None


def _told(data: bytes, country: str | None) -> tuple[str, bool]:
    """The encoding of bytes that are not all ASCII, and whether it is a guess."""
    text = data.decode("utf-8", errors="surrogateescape")
    broken = len(_LONE.findall(text))
    if not broken or sum(not character.isascii() for character in text) > 4 * broken:
        return "utf-8", False  # a few bytes are broken, and their lines will be turned down; the rest would be spoilt by any other
    return guess(data, country), True


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
