"""Checks that the audit log is what it was: whole in itself, and as the kept loads know it."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.audit import published_heads
from pipelines.doctor.finding import Finding
from pipelines.doctor.look import Look


def audited(look: Look) -> Iterator[Finding]:
    """No entry was changed, added in between or taken out."""
    if look.control is None:
        return
    known = list(published_heads(look.hub))
    found = look.control.audit_verified(known)
    for what in found.broken[:3]:
        remedy = "find out who can write the control store; hub audit verify --backups says since when"
        yield Finding("audit", "error", f"the audit log is not what it was: {what}", "control store", remedy)
    if not found.broken and found.entries:
        said = f"the audit log's {found.entries} entries are whole, also by {len(known)} kept loads"
        yield Finding("audit", "ok", said, "control store")
