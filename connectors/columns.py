"""Columns of JSON values as payload texts and hashes: what `connectors.payload` does for one record, for a page of them at once.

Both write the same, byte for byte, so that a record that comes in a column today and alone tomorrow counts as unchanged. Columns
are put together by Arrow's kernels; only what they would write otherwise (nested values, floats) is written value by value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from json.encoder import encode_basestring
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.payload import encode_value, whole_characters

_SPECIAL = r'["\\\x00-\x1f]'  # what JSON escapes
_WORDS = {True: "true", False: "false"}
_HASH_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Column:
    """The values under one key.

    Attributes:
        texts: the values as JSON, null where a value is null; of texts what stands between the quotes.
        kind: what all values but the nulls are; "other" where they differ, or are objects or lists.
        in_order: the texts with the keys of objects in order; None where that makes no difference.
    """

    texts: pa.StringArray
    kind: Literal["null", "text", "number", "boolean", "other"]
    in_order: pa.StringArray | None = None

    @classmethod
    def plain(cls, texts: pa.StringArray, kind: Literal["number", "boolean"]) -> Column:
        """Of what stands without quotes."""
        return cls(texts, "null" if texts.null_count == len(texts) else kind)

    def chosen(self, mask: pa.BooleanArray) -> Column:
        """The values that a mask chooses."""
        in_order = None if self.in_order is None else self.in_order.filter(mask)
        return Column(self.texts.filter(mask), self.kind, in_order)


def of_strings(values: pa.StringArray) -> Column:
    """A column of texts."""
    if values.null_count == len(values):
        return Column(values, "null")
    if not _has_special(values):
        return Column(values, "text")
    special = pc.fill_null(pc.match_substring_regex(values, _SPECIAL), False)
    escaped = pa.array([encode_basestring(value)[1:-1] for value in values.filter(special).to_pylist()], pa.string())
    return Column(pc.replace_with_mask(values, special, escaped), "text")


def of_values(values: Sequence[Any]) -> Column:
    """A column of values as a payload may hold them."""
    types = set(map(type, values)) - {type(None)}
    if not types:
        return Column(pa.nulls(len(values), pa.string()), "null")
    if types == {str}:
        try:
            return of_strings(pa.array(values, pa.string()))
        except UnicodeEncodeError:
            return of_strings(pa.array([None if value is None else whole_characters(value) for value in values], pa.string()))
    if types == {bool}:
        return Column.plain(pa.array([None if value is None else _WORDS[value] for value in values], pa.string()), "boolean")
    pairs = [None if value is None else encode_value(value) for value in values]
    texts = pa.array([pair and pair[0] for pair in pairs], pa.string())
    if types <= {int, float, Decimal}:
        return Column(texts, "number")
    simple = types <= {str, bool, int, float, Decimal}
    return Column(texts, "other", None if simple else pa.array([pair and pair[1] for pair in pairs], pa.string()))


def payload_texts(columns: Mapping[str, Column]) -> pa.StringArray:
    """The payloads that columns hold, as JSON texts with keys in the columns' order.

    Args:
        columns: key of the payloads -> values, one at least and all of one length.
    """
    return _objects(columns, in_order=False)


def payload_hashes(columns: Mapping[str, Column], texts: pa.StringArray) -> pa.StringArray:
    """The hashes that say whether the payloads changed; ``texts`` are those of `payload_texts`."""
    if list(columns) == sorted(columns) and all(column.in_order is None for column in columns.values()):
        return _hashes(texts)
    return _hashes(_objects(dict(sorted(columns.items())), in_order=True))


def _objects(columns: Mapping[str, Column], *, in_order: bool) -> pa.StringArray:
    parts: list[Any] = []
    between = "{"
    for name, column in columns.items():
        between += whole_characters(encode_basestring(name)) + ":"
        texts = column.in_order if in_order and column.in_order is not None else column.texts
        quote = '"' if column.kind == "text" else ""
        if texts.null_count:
            texts = pc.binary_join_element_wise(quote, texts, quote, "") if quote else texts
            texts, quote = pc.fill_null(texts, "null"), ""
        parts += (between + quote, texts)
        between = quote + ","
    parts.append(between[:-1] + "}")
    return pc.binary_join_element_wise(*parts, "")


def _hashes(texts: pa.StringArray) -> pa.StringArray:
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].tolist()
    content, anew = memoryview(data), hashlib.blake2b(digest_size=_HASH_CHARACTERS // 2).copy
    digests: list[bytes] = []
    for start, end in pairwise(ends):
        hashing = anew()  # a copy takes half of what making one takes
        hashing.update(content[start:end])
        digests.append(hashing.digest())
    hashed = b"".join(digests)
    starts = np.arange(len(texts) + 1, dtype=np.int32) * _HASH_CHARACTERS
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(starts), pa.py_buffer(hashed.hex().encode()))


def _has_special(values: pa.StringArray) -> bool:
    _, offsets, data = values.buffers()
    if data is None:
        return False
    ends = np.frombuffer(offsets, np.int32)
    characters = np.frombuffer(data, np.uint8)[ends[values.offset] : ends[values.offset + len(values)]]
    return bool(((characters < 0x20) | (characters == ord('"')) | (characters == ord("\\"))).any())
