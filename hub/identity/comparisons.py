"""What a packed comparison vector means: the comparisons, their levels, and what is believed of each before any data is seen.

compare.sql computes the levels; levels.csv names them and holds the default probabilities. Nothing here looks at data.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from hub.identity.sql import text

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# What two records of a pair can be to each other. "unrelated" is pure chance; the other two share values without being one person.
CLASSES = ("match", "unrelated", "household", "workplace")
# bits of each comparison in the vector, lowest first; compare.sql packs in this order
_BITS = {"name": 7, "address": 4, "email": 4, "phone": 3, "birth": 3, "company": 2, "tax": 3, "middle": 2, "suffix": 2, "source": 2}

# kin of the levels of "name" that mean one name, however written; the last level of the others that means something in common
SAME_NAME = ("exact", "same", "same firm")
IN_COMMON = {"address": 10, "email": 7, "phone": 2, "birth": 5, "company": 2, "tax": 3, "middle": 1}


@dataclass(frozen=True)
class Comparison:
    """One comparison: its place in the vector and its levels; level 0 (a value is missing) has no entry.

    Attributes:
        kin: for each level, the kind of levels it belongs to; empty where that matters to nobody.
        defaults: one row a class of CLASSES, one column a level; each row sums to 1.
    """

    name: str
    shift: int
    bits: int
    levels: tuple[str, ...]
    kin: tuple[str, ...]
    defaults: Floats

    def level(self, vectors: Ints) -> Ints:
        """The level of this comparison in packed vectors; 0 where a value is missing."""
        return (vectors >> self.shift) & ((1 << self.bits) - 1)

    def of_kin(self, *kin: str) -> Flags:
        """Which of the levels are of one of these kinds."""
        return np.isin(self.kin, kin)


@cache
def comparisons() -> tuple[Comparison, ...]:
    """All comparisons, in the order of their bits."""
    table = files(__package__).joinpath("levels.csv").read_text(encoding="utf-8")
    entries = list(csv.DictReader(table.splitlines()))
    found, shift = [], 0
    for name, bits in _BITS.items():
        mine = [e for e in entries if e["comparison"] == name]
        beliefs = np.array([[float(e[c]) for e in mine] for c in CLASSES])
        levels = tuple(e["level"] for e in mine)
        found.append(
            Comparison(name, shift, bits, levels, tuple(e["kin"] for e in mine), beliefs / beliefs.sum(axis=1, keepdims=True))
        )
        shift += bits
    return tuple(found)


def among(vectors: Ints, name: str, *kin: str) -> Flags:
    """Whether the level of a comparison is of one of these kinds."""
    comparison = next(c for c in comparisons() if c.name == name)
    return np.isin(comparison.level(vectors), 1 + np.flatnonzero(comparison.of_kin(*kin)))


def indicators(vectors: Ints) -> Floats:
    """One row a vector, one column a level of each comparison, 1 where the vector has it; a missing value has no 1 at all."""
    parts = []
    for comparison in comparisons():
        codes = np.arange(1, len(comparison.levels) + 1)
        parts.append((comparison.level(vectors)[:, None] == codes[None, :]).astype(np.float64))
    return np.hstack(parts)


def masks(vectors: Ints) -> Ints:
    """Which comparisons had both values, as bits in the order of ``comparisons()``."""
    out = np.zeros(len(vectors), dtype=np.int64)
    for index, comparison in enumerate(comparisons()):
        out |= (comparison.level(vectors) > 0).astype(np.int64) << index
    return out


def name_only(vectors: Ints) -> Flags:
    """Whether the names are all that two records have in common."""
    only = np.zeros(len(vectors), dtype=np.bool_)
    for comparison in comparisons():
        level = comparison.level(vectors)
        if comparison.name == "name":
            only = among(vectors, "name", *SAME_NAME)
        elif comparison.name in IN_COMMON:
            only &= (level == 0) | (level > IN_COMMON[comparison.name])
    return np.asarray(only)


# Fingerprints of earlier definitions under which every level meant what it means now, each with what else was different. Whoever
# changes what a level means, or how common names are counted, empties this.
SAME_LEVELS = {"8da90fe585f89b04": "who shares a value was counted when a model was made, not with each load"}


def is_readable(fingerprint: str) -> bool:
    """Whether a model made for this definition fits the levels of today."""
    return fingerprint == definition() or fingerprint in SAME_LEVELS


@cache
def definition() -> str:
    """A fingerprint of all that gives levels their meaning; a model made for another one is not used."""
    scripts = "\n".join(text(name) for name in ("frequency", "communal", "enrich", "compare"))
    parts = [line.strip() for line in scripts.splitlines() if not line.strip().startswith("--")]
    parts += [f"{c.name}:{c.shift}:{'|'.join(c.levels)}" for c in comparisons()] + list(CLASSES)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
