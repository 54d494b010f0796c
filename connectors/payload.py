"""A payload as JSON text and the hash that says whether it changed: the innermost step of every sync, so it is short.

Rows of tables and files are flat, and a flat payload is put together here, in about a third of the time that a general encoder
takes; one with objects or lists in it goes to simplejson. Both write the same.
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
# made once: making an encoder takes longer than writing a payload
_AS_SENT, _IN_ORDER = simplejson.JSONEncoder(**_HOW), simplejson.JSONEncoder(**_HOW, sort_keys=True)


def encode(payload: Mapping[str, Any]) -> tuple[str, str]:
    """A payload as JSON text with its digits kept, and the hash that says whether it changed (independent of key order).

    Half a surrogate pair becomes U+FFFD, the one thing that is not kept as sent.
    """
    heads, order = _keys(tuple(payload))
    parts = _flat(payload, heads)
    if parts is None:
        text = _AS_SENT.encode(payload)
        canonical = _IN_ORDER.encode(payload)
    else:
        text = canonical = "{" + ",".join(parts) + "}"
        if order is not None:
            canonical = "{" + ",".join([parts[position] for position in order]) + "}"
    if not text.isascii():
        # half a surrogate pair is no character: neither UTF-8 nor the warehouse's JSON reader takes it
        text, canonical = _HALF_PAIR.sub("\ufffd", text), _HALF_PAIR.sub("\ufffd", canonical)
    return text, hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=1024)
def _keys(keys: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, ...] | None]:
    """``"key":`` of each key, and their positions in alphabetical order, None if they are in it; rows of a table share theirs."""
    order = tuple(sorted(range(len(keys)), key=keys.__getitem__))
    return tuple(encode_basestring(key) + ":" for key in keys), None if order == tuple(range(len(keys))) else order


def _flat(payload: Mapping[str, Any], heads: tuple[str, ...]) -> list[str] | None:
    """``"key":value`` as JSON, each; None if a value is anything but a text, a number, true, false or null."""
    parts = []
    for head, value in zip(heads, payload.values(), strict=True):
        kind = type(value)
        if kind is str:
            parts.append(head + encode_basestring(value))
        elif kind is int:
            parts.append(head + str(value))
        elif value is None or kind is bool:
            parts.append(head + _WORDS[value])
        elif kind is float and value - value == 0:
            parts.append(head + repr(value))
        elif kind is Decimal and value.is_finite():
            parts.append(head + str(value))
        else:
            return None
    return parts
