"""The rule that guards a join: what has to speak for making two groups of nodes one. Numbers in, a number out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from hub.identity.comparisons import Ints

Number = TypeVar("Number", int, Ints)


@dataclass(frozen=True)
class Guard:
    """When two groups may be joined.

    Attributes:
        uncompared: what a pair that was never compared counts against a join, in units.
        repeated: by how much the average weight over the pairs must be higher for each further node of the smaller group, in units.
            One record may well lack what the others agree on, but two groups that agree within themselves and not with each other
            are two customers: all the pairs across repeat one and the same agreement, and count it each anew.
    """

    uncompared: int
    repeated: int

    def surplus(self, total: Number, link: Number, pairs: Number, smaller: Number) -> Number:
        """What speaks for a join beyond what is asked; the join may be made where it is positive.

        Args:
            total: summed weights of the pairs across, in units.
            link: weight of the link along which the groups would be joined; counts half as much as the average.
            pairs: how many pairs there are across.
            smaller: nodes of the smaller group.
        """
        return 2 * total + pairs * (link - 2 * self.repeated * (smaller - 1))
