"""What is written of a payload, and the hash that says whether it changed: as a general encoder writes it, only sooner."""

from __future__ import annotations

import hashlib
from typing import Any

import simplejson
from hypothesis import given
from hypothesis import strategies as st

from connectors.payload import encode

_LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.text(alphabet="\ud800\udc00a\u2028\x00é")
)
_TREE = st.recursive(
    _LEAF, lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=5), part, max_size=5) | st.tuples(part, part)
)


def plainly(payload: dict[str, Any], *, sort_keys: bool) -> str:
    text: str = simplejson.dumps(
        payload, use_decimal=True, ensure_ascii=False, allow_nan=False, sort_keys=sort_keys, separators=(",", ":")
    )
    return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)


@given(st.dictionaries(st.text(max_size=6), _TREE, max_size=6))
def test_text_and_hash_are_those_of_a_general_encoder(payload: dict[str, Any]) -> None:
    text, hashed = encode(payload)
    assert text == plainly(payload, sort_keys=False)
    assert hashed == hashlib.blake2b(plainly(payload, sort_keys=True).encode(), digest_size=16).hexdigest()


def test_the_hash_does_not_depend_on_the_order_of_keys_at_any_depth() -> None:
    one = {"b": [{"y": 1, "x": {"n": 2, "m": None}}], "a": "t"}
    other = {"a": "t", "b": [{"x": {"m": None, "n": 2}, "y": 1}]}
    assert encode(one)[1] == encode(other)[1]
    assert encode(one)[0] != encode(other)[0]
    assert encode(one)[1] != encode({**one, "b": [{"y": 1, "x": {"n": 2, "m": 0}}]})[1]
