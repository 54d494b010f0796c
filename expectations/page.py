"""The gate's report as one static page: what was checked, what failed, and how it compares with the loads before.

No outside references and no scripts, so that it opens anywhere and tells nobody; names and keys only, all of them escaped. What the
command line and Dagster show of the same is in `expectations.report`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template

_WIDTH, _HEIGHT = 110, 22


@dataclass(frozen=True)
class ReportedCheck:
    """A check's result as it was kept, and its figure in the loads before this one, the oldest first; None where it had none."""

    check_id: str
    dimension: str
    severity: str
    status: str
    message: str
    target: str | None
    observed: float | None
    threshold: float | None
    before: int | None
    now: int | None
    failed_rows: int
    total_rows: int
    examples: tuple[str, ...]
    course: tuple[float | None, ...] = ()

    @property
    def mark(self) -> str:
        """One word for people."""
        if self.status != "failed":
            return "passed" if self.status == "passed" else "n/a"
        return "FAILED" if self.severity == "critical" else "warning"


@dataclass(frozen=True)
class Override:
    """Who published a held load all the same, when and why."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class Report:
    """All that is known of one verdict."""

    load_id: str
    decided_at: datetime
    decision: str
    checks: tuple[ReportedCheck, ...]
    override: Override | None = None

    @property
    def failed(self) -> tuple[ReportedCheck, ...]:
        """The checks that failed, those that hold the load first."""
        return tuple(sorted((c for c in self.checks if c.status == "failed"), key=lambda c: (c.severity, c.check_id)))


def to_html(report: Report) -> str:
    """The page."""
    return _template().render(report=report)


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": figure_text, "points": points}
    environment.globals |= {"width": _WIDTH, "height": _HEIGHT}
    return environment.from_string(files("expectations").joinpath("page.html").read_text(encoding="utf-8"))


def figure_text(value: float | None) -> str:
    """A figure for people: whole numbers without a point, others with six digits at most."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "never"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.6f}".rstrip("0")


def points(course: Sequence[float | None]) -> str:
    """The points of a sparkline, the newest load at the right; loads without the figure are left out. Empty for fewer than two."""
    known = [(place, value) for place, value in enumerate(course) if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return ""
    low, high = min(value for _, value in known), max(value for _, value in known)
    span, last = (high - low) or 1.0, len(course) - 1
    return " ".join(
        f"{2 + place * (_WIDTH - 4) / last:.1f},{_HEIGHT - 3 - (value - low) / span * (_HEIGHT - 6):.1f}" for place, value in known
    )
