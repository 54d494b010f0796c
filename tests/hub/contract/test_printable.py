"""What sources send is shown, and never obeyed."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from hub.contract.errors import SourceDataError
from hub.contract.printable import printable

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\r\u202eevil\ud800"


@given(st.text(st.characters(), max_size=50))
@example(ESCAPES)
def test_nothing_is_left_that_a_terminal_obeys(text: str) -> None:
    shown = printable(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert not [c for c in shown if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")]
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert printable(shown) == shown


def test_ordinary_text_stays_as_it_is() -> None:
    for text in ("Zoë Ångström", "سلام \u200c", "👩\u200d🚀", "a\tb\nc", "\\u001b"):
        assert printable(text) == text


@given(st.text(st.characters(), max_size=30))
@example(ESCAPES)
def test_json_says_the_same_after_it(text: str) -> None:
    assert json.loads(printable(json.dumps([text], ensure_ascii=False))) == [text]


def test_an_error_is_one_line_whatever_the_names_in_it_are() -> None:
    error = SourceDataError(f"no column {ESCAPES!s} in a\nb.csv", source="crm", record=f"1\n{ESCAPES}", field="x\x1b[0m")
    assert str(error).isprintable()
    assert "\\u001b]0;owned" in str(error)
