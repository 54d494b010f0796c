"""All checks, in the order in which their findings are told: what keeps a hub from working comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pipelines.context import Hub
from pipelines.doctor.audited import audited
from pipelines.doctor.drift import drift
from pipelines.doctor.finding import Finding
from pipelines.doctor.landed import landed
from pipelines.doctor.leftovers import leftovers
from pipelines.doctor.loads import loads
from pipelines.doctor.look import Look, looking
from pipelines.doctor.machine import clock, disk, locks
from pipelines.doctor.retention import retention
from pipelines.doctor.runs import runs
from pipelines.doctor.secrecy import secrecy
from pipelines.doctor.stores import stores

CHECKS: tuple[Callable[[Look], Iterable[Finding]], ...] = (
    *(disk, clock, locks, loads, landed, leftovers, drift, stores, audited, retention, runs),
    secrecy,
)
_ORDER = ("error", "warning", "ok")


def examine(hub: Hub) -> list[Finding]:
    """Every finding, the worst first. Nothing is changed, and nothing is waited for."""
    with looking(hub) as look:
        found = [*look.found, *(finding for check in CHECKS for finding in check(look))]
    return sorted(found, key=lambda finding: _ORDER.index(finding.severity))
