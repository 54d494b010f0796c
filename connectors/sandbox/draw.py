"""Chance that repeats: seeded streams, ranked choice, opaque IDs. What is drawn belongs to the modules that draw it.

Every part of the world draws from its own named stream, so that a change in one part leaves the others as they were. Strings
seed `random.Random` through SHA-512, which is the same on every platform and Python version.
"""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


def stream(seed: int, *topic: object) -> Random:
    """The stream of chance for a topic."""
    return Random("|".join(map(str, (seed, *topic))))


def token(seed: int, topic: str, number: int, length: int) -> str:
    """An opaque ID of letters and digits: always the same for the same seed, topic and number. At most 43 characters."""
    return base64.b64encode(_digest(seed, topic, number), altchars=b"xY").decode()[:length]


def number_below(seed: int, topic: str, number: int, limit: int) -> int:
    """A number from 0 to under the limit: always the same for the same seed, topic and number."""
    return int.from_bytes(_digest(seed, topic, number)[:8], "big") % limit


def _digest(seed: int, topic: str, number: int) -> bytes:
    return hashlib.sha256(f"{seed}|{topic}|{number}".encode()).digest()


class Ranked(Generic[T]):
    """A list, commonest first, drawn by Zipf's law: the n-th has weight ``1 / (n + shift) ** exponent``.

    Family names and given names follow such a law with an exponent a little under one; the shift flattens the very top.
    """

    def __init__(self, items: Sequence[T], exponent: float = 0.85, shift: float = 4.0) -> None:
        self.items = list(items)
        self._ends = list(accumulate(1.0 / (rank + shift) ** exponent for rank in range(1, len(self.items) + 1)))

    def pick(self, rng: Random) -> T:
        """Draw one."""
        return self.items[bisect(self._ends, rng.random() * self._ends[-1])]


def weighted(rng: Random, choices: Sequence[tuple[T, float]]) -> T:
    """Draw one of (value, weight)."""
    point = rng.random() * sum(weight for _, weight in choices)
    for value, weight in choices:
        point -= weight
        if point < 0:
            return value
    return choices[-1][0]


def chance(rng: Random, probability: float) -> bool:
    """True with that probability."""
    return rng.random() < probability


def some(rng: Random, mean: float, most: int) -> int:
    """A count with about that mean, geometric as counts of orders and tickets are, never over ``most``."""
    more = mean / (1.0 + mean)
    count = 0
    while count < most and rng.random() < more:
        count += 1
    return count
