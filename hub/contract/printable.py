"""Text of the sources as it can be shown: nothing in it moves the cursor, names the window, or hides what stands beside it."""

from __future__ import annotations

import re

# control characters (a terminal takes some of them for commands, a log for the end of a line), halves of surrogate pairs (which no
# stream can write), and what turns the direction of the text that follows; line feeds and tabs are layout
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with such characters written as ``\\u001b``, which is also how JSON writes them."""
    return _UNSHOWN.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
