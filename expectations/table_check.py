"""What a check on a load is: its figures, its measure, how the two compare, and what to say and do when it fails.

The checks themselves are in `expectations.checks` and `expectations.checks_compared`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from expectations.frames import Row
from expectations.gx_import import import_gx
from expectations.measures import Measure
from expectations.rules import Dimension
from expectations.settings import GateSettings

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

Severity = Literal["critical", "warning"]
Relation = Literal["equal", "at_most"]


@dataclass(frozen=True, slots=True)
class TableCheck:
    """One check on a load.

    Attributes:
        frame: the figures it is computed from.
        measure: value and limit of one row of them; None where there is nothing to compare with.
        relation: what the value must be to the limit.
        description: what holds when it passes; for the data dictionary.
        finding: one clause on a measure that fails, over its fields, ``said`` and ``subject``.
        remedy: what to do then, an imperative clause.
    """

    check_id: str
    frame: str
    dimension: Dimension
    severity: Severity
    relation: Relation
    measure: Callable[[Row, GateSettings], Measure | None]
    description: str
    finding: str
    remedy: str


def columns_of(relation: Relation) -> tuple[str, str]:
    """Where a frame that is judged holds the values and limits of the checks of a relation."""
    return f"{relation} value", f"{relation} limit"


def expectation_of(relation: Relation) -> Expectation:
    """A relation in Great Expectations' words, over its two columns; rows in which both are missing belong to another relation."""
    import_gx()
    from great_expectations.expectations.core import expect_column_pair_values_a_to_be_greater_than_b as at_most
    from great_expectations.expectations.core import expect_column_pair_values_to_be_equal as equal

    value, limit = columns_of(relation)
    if relation == "equal":
        return equal.ExpectColumnPairValuesToBeEqual(column_A=limit, column_B=value)
    return at_most.ExpectColumnPairValuesAToBeGreaterThanB(column_A=limit, column_B=value, or_equal=True)
