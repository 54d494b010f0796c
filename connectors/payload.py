"""A payload as JSON text and the hash that says whether it changed: the innermost step of every sync, so it is short.

The text (keys as sent) and what is hashed (keys in order) are put together in one walk, which takes a third of the time of two
general encodings; a payload that holds anything but JSON's own types goes to simplejson. Both write the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

import simplejson

_HALF_PAIR = re.compile("[\ud800-\udfff]")
_WORDS = {None: "null", True: "true", False: "false"}
_HOW: dict[str, Any] = {"use_decimal": True, "ensure_ascii": False, "allow_nan": False, "separators": (",", ":")}
_COMMON = 512
# made once: making an encoder takes longer than writing a payload
_AS_SENT, _IN_ORDER = simplejson.JSONEncoder(**_HOW), simplejson.JSONEncoder(**_HOW, sort_keys=True)


class _OtherTypeError(Exception):
    """A value is neither one of JSON's types nor a finite `Decimal`."""


def encode(payload: Mapping[str, Any]) -> tuple[str, str]:
    """A payload as JSON text with its digits kept, and the hash that says whether it changed (independent of key order).

    Half a surrogate pair becomes U+FFFD, the one thing that is not kept as sent.
    """
    try:
        text, canonical = _object(payload)
    except (_OtherTypeError, RecursionError):
        text, canonical = _AS_SENT.encode(payload), _IN_ORDER.encode(payload)
    if not text.isascii():
        text, canonical = whole_characters(text), whole_characters(canonical)
    return text, hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def encode_value(value: Any) -> tuple[str, str]:
    """One value of a payload as JSON text, and with the keys of its objects in order; the same string where both are equal."""
    kind = type(value)
    try:
        if kind is dict or kind is list:
            text, canonical = _object(value) if kind is dict else _array(value)
        else:
            text = canonical = encode_basestring(value) if kind is str else _scalar(value, kind)
    except (_OtherTypeError, RecursionError):
        text, canonical = _AS_SENT.encode(value), _IN_ORDER.encode(value)
    if text.isascii():
        return text, canonical
    return whole_characters(text), whole_characters(canonical)


def whole_characters(text: str) -> str:
    """Text with U+FFFD for each half of a surrogate pair, which neither UTF-8 nor the warehouse's JSON reader knows."""
    return _HALF_PAIR.sub("\ufffd", text)


def _made_keys(keys: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, ...] | None]:
    """``"key":`` of each key, and their positions in alphabetical order, None if they are in it; rows of a table share theirs."""
    order = tuple(sorted(range(len(keys)), key=keys.__getitem__))
    return tuple(encode_basestring(key) + ":" for key in keys), None if order == tuple(range(len(keys))) else order


_kept_keys = lru_cache(maxsize=1024)(_made_keys)


def _keys(keys: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, ...] | None]:
    # objects of very many keys are maps, of which each has its own: they would fill the memory and be found again by nobody
    return _kept_keys(keys) if len(keys) <= _COMMON else _made_keys(keys)


def _object(value: Mapping[str, Any]) -> tuple[str, str]:
    """An object's text with keys as they come, and with keys in order; the same string where both are equal."""
    heads, order = _keys(tuple(value))
    parts: list[str] = []
    in_order: list[str] | None = None
    for head, item in zip(heads, value.values(), strict=True):
        kind = type(item)
        if kind is str:
            parts.append(head + encode_basestring(item))
        elif kind is dict or kind is list:
            text, canonical = _object(item) if kind is dict else _array(item)
            if in_order is None and text is not canonical:
                in_order = parts.copy()
            if in_order is not None:
                in_order.append(head + canonical)
            parts.append(head + text)
            continue
        else:
            parts.append(head + _scalar(item, kind))
        if in_order is not None:
            in_order.append(parts[-1])
    text = "{" + ",".join(parts) + "}"
    if order is None and in_order is None:
        return text, text
    canonical_parts = parts if in_order is None else in_order
    if order is not None:
        canonical_parts = [canonical_parts[position] for position in order]
    return text, "{" + ",".join(canonical_parts) + "}"


def _array(value: list[Any]) -> tuple[str, str]:
    """A list's text with the keys of its objects as they come, and in order; the same string where both are equal."""
    parts: list[str] = []
    in_order: list[str] = []
    same = True
    for item in value:
        kind = type(item)
        if kind is dict or kind is list:
            text, canonical = _object(item) if kind is dict else _array(item)
            same = same and text is canonical
        else:
            text = canonical = encode_basestring(item) if kind is str else _scalar(item, kind)
        parts.append(text)
        in_order.append(canonical)
    joined = "[" + ",".join(parts) + "]"
    return joined, joined if same else "[" + ",".join(in_order) + "]"


def _scalar(value: Any, kind: type) -> str:
    if kind is int:
        return str(value)
    if value is None or kind is bool:
        return _WORDS[value]
    if kind is float and value - value == 0:
        return repr(value)
    if kind is Decimal and value.is_finite():
        return str(value)
    raise _OtherTypeError
