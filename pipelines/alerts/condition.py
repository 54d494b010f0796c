"""What a condition is: something wrong, by a key that is the same whenever it is looked at and whenever it comes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipelines.alerts.settings import Kind, Severity


@dataclass(frozen=True)
class Condition:
    """Something wrong now. Texts hold names, keys and counts, never values of records.

    Attributes:
        key: the kind and the place, as ``run_failed/stripe``.
        where: the source, load or target, for people.
        what: one clause.
        next_step: the command to run, or what to look at where no command helps.
        runbook: the heading in docs/ops.md that says more.
        since: since when by the hub's records; None where only alerts themselves remember.
        times: how many runs or loads it befell without a good one between.
        is_event: it happened and is over: told once, neither reminded of nor ever "recovered".
    """

    key: str
    kind: Kind
    severity: Severity
    where: str
    what: str
    next_step: str
    runbook: str
    since: datetime | None = None
    times: int = 1
    is_event: bool = False


def moment(time: datetime) -> str:
    """A time as messages write it."""
    return f"{time:%Y-%m-%d %H:%M} UTC"
