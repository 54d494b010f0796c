"""What a check of the doctor says. Declarations only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        check: which check found it.
        severity: ok, warning (it works, and somebody should look) or error (it does not work, or soon will not).
        what: what is the matter, a clause.
        where: a file, a source, a run.
        remedy: the command, or the act, that mends it; None where there is nothing to mend.
    """

    check: str
    severity: Severity
    what: str
    where: str
    remedy: str | None = None
