"""Checks that what hub.yaml lets go by age does go."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.doctor.finding import Finding
from pipelines.doctor.look import Look
from pipelines.privacy.cut_offs import overdue_line, retention_status


def retention(look: Look) -> Iterator[Finding]:
    """A run that is owed, or that broke off."""
    if look.control is None:
        return
    status = retention_status(look.hub, look.control)
    if status is None:
        return
    owed = overdue_line(status)
    if owed is not None:
        yield Finding("retention", "warning", owed, "control store", "hub privacy retention")
    else:
        yield Finding("retention", "ok", f"runs; the next one is to be by {status['due_at']:%Y-%m-%d}", "control store")
