"""The verdict on a load: every check run through Great Expectations over the figures handed in, and what follows from it.

The report's layout belongs in `expectations.report`, what is checked in `expectations.checks`. Neither results nor messages hold a
value of a person: they name tables, sources, columns and keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from expectations.checks import CHECKS
from expectations.engine import validate
from expectations.frames import EXAMPLES, MAX_EXAMPLES, Row, read_frames, subject
from expectations.measures import Measure, Number
from expectations.rules import Dimension
from expectations.settings import GateSettings
from expectations.table_check import Relation, Severity, TableCheck, columns_of, expectation_of
from hub.contract.errors import GateError

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["passed", "failed", "not_applicable"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found on one load.

    Attributes:
        target: what the figures below speak of: of all things measured the worst one (``customer_order/shopify``).
        observed: its value, exact; None where the check does not apply. `Infinity` for a source that was never synced.
        threshold: what the value may be at most, or must be.
        before: the same figure in the last published load, for checks that compare.
        now: what `before` is compared with.
        failed_rows: rows of data that are wrong, over everything that failed.
        total_rows: rows of data judged.
        examples: keys of wrong rows where the figures name them, else the things that failed; never values.
        message: one line; for a failure what, how many and what to do.
    """

    check_id: str
    dimension: Dimension
    severity: Severity
    status: Status
    message: str
    target: str | None = None
    observed: Number | None = None
    threshold: Number | None = None
    before: int | None = None
    now: int | None = None
    failed_rows: int = 0
    total_rows: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a load may be published, and why.

    Attributes:
        blocking: IDs of the critical checks that failed; the load is held if there is one.
        warnings: IDs of the other checks that failed.
        results: of all checks, in the order of the table of checks.
    """

    load_id: str
    decided_at: datetime
    decision: Literal["pass", "hold"]
    blocking: tuple[str, ...]
    warnings: tuple[str, ...]
    results: tuple[CheckResult, ...]


def judge(
    frames: Mapping[str, pd.DataFrame],
    settings: GateSettings,
    *,
    load_id: str,
    now: datetime,
    checks: Sequence[TableCheck] = CHECKS,
) -> Verdict:
    """Judge a load by its figures.

    Args:
        frames: the figures by name, as `expectations.frames` defines them; one left out makes its checks not applicable.
        load_id: the load that is judged, and no other, by this verdict.
        now: when, aware, UTC.
        checks: what to judge by.

    Raises:
        GateError: the figures are not as defined, or a check could not be computed. It says nothing of the data.
    """
    rows = read_frames(frames)
    measured = {check.check_id: _measured(check, rows.get(check.frame, []), settings) for check in checks}
    failing = _failing(checks, measured)
    results = tuple(
        _result(check, check.frame in rows, measured[check.check_id], failing.get(check.check_id, set())) for check in checks
    )
    failed = [result for result in results if result.status == "failed"]
    blocking = tuple(result.check_id for result in failed if result.severity == "critical")
    warnings = tuple(result.check_id for result in failed if result.severity == "warning")
    return Verdict(load_id, now, "hold" if blocking else "pass", blocking, warnings, results)


@dataclass(frozen=True, slots=True)
class _Measured:
    """One thing measured for one check."""

    subject: str
    measure: Measure
    keys: tuple[str, ...]

    @property
    def excess(self) -> Decimal:
        return abs(Decimal(self.measure.value) - Decimal(self.measure.limit))


def _measured(check: TableCheck, rows: list[Row], settings: GateSettings) -> list[_Measured]:
    measures = ((row, check.measure(row, settings)) for row in rows)
    keys = check.check_id + EXAMPLES
    return [_Measured(subject(check.frame, row), measure, row.get(keys, ())) for row, measure in measures if measure is not None]


def _failing(checks: Sequence[TableCheck], measured: Mapping[str, list[_Measured]]) -> dict[str, set[int]]:
    """Which things measured fail each check that applies.

    Great Expectations takes as long over an expectation as over thousands of figures, so that checks of one relation share one.
    """
    applicable = [check for check in checks if measured[check.check_id]]
    try:
        return _compared(applicable, measured)
    except GateError:
        for check in applicable:  # by itself, so that the error names the one that cannot be computed
            _compared([check], measured)
        raise


def _compared(checks: Sequence[TableCheck], measured: Mapping[str, list[_Measured]]) -> dict[str, set[int]]:
    """Which things measured fail these checks: one frame of all values and limits, one expectation per relation."""
    import pandas as pd

    failing: dict[str, set[int]] = {check.check_id: set() for check in checks}
    columns: dict[str, pd.Series] = {}
    asked: dict[str, Relation] = {}
    places: dict[str, list[tuple[str, int]]] = {}
    for relation in dict.fromkeys(check.relation for check in checks):
        ids = [check.check_id for check in checks if check.relation == relation]
        asked[", ".join(ids)] = relation
        places[", ".join(ids)] = [(check_id, place) for check_id in ids for place in range(len(measured[check_id]))]
        pairs = [(thing.measure.value, thing.measure.limit) for check_id in ids for thing in measured[check_id]]
        for column, numbers in zip(columns_of(relation), zip(*pairs, strict=True), strict=True):
            columns[column] = pd.Series(numbers, dtype=object)  # a Decimal must stay one
    outcomes = validate(pd.DataFrame(columns), {ids: expectation_of(relation) for ids, relation in asked.items()})
    for name, outcome in outcomes.items():
        if outcome.judged != len(places[name]):  # an expectation that sees no row passes
            raise GateError(f"check {name} judged {outcome.judged} of {len(places[name])} figures", remedy="report it")
        for row in outcome.rows:
            check_id, place = places[name][row]
            failing[check_id].add(place)
    return failing


def _result(check: TableCheck, handed_in: bool, measured: list[_Measured], failing: set[int]) -> CheckResult:
    if not measured:
        nothing = "nothing to compare with, or nothing of the kind in this hub"
        reason = nothing if handed_in else f"no figures {check.frame!r} were handed in"
        return CheckResult(check.check_id, check.dimension, check.severity, "not_applicable", reason)
    failed = [thing for place, thing in enumerate(measured) if place in failing]
    # the first of equals, and subjects are sorted
    worst = max(failed, key=lambda t: t.excess) if failed else max(measured, key=lambda t: Decimal(t.measure.value))
    return CheckResult(
        check.check_id,
        check.dimension,
        check.severity,
        "failed" if failed else "passed",
        _message(check, worst, len(failed), len(measured)),
        target=worst.subject,
        observed=worst.measure.value,
        threshold=worst.measure.limit,
        before=worst.measure.before,
        now=worst.measure.now,
        failed_rows=sum(thing.measure.affected for thing in failed),
        total_rows=sum(thing.measure.total for thing in measured),
        examples=tuple(key for thing in failed for key in (thing.keys or (thing.subject,)))[:MAX_EXAMPLES],
    )


def _message(check: TableCheck, worst: _Measured, failed: int, measured: int) -> str:
    if not failed:
        return f"{check.description}: {measured} measured"
    measure = worst.measure
    finding = check.finding.format(
        subject=worst.subject,
        said=measure.said,
        **{field: number_text(getattr(measure, field)) for field in ("value", "limit", "total", "before", "now")},
    )
    others = f" (and {failed - 1} more)" if failed > 1 else ""
    return f"{finding}{others}; {check.remedy}"


def number_text(number: Number | None) -> str:
    """A figure for people: thousands apart, every digit kept, `never` for a time without end."""
    if number is None:
        return "–"
    if isinstance(number, Decimal) and not number.is_finite():
        return "never"
    return f"{number:,f}" if isinstance(number, Decimal) else f"{number:,}"
