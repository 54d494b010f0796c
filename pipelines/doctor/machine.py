"""Checks of the machine: whether the disk has room for the next load, and who holds the locks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from pipelines.doctor.finding import Finding, Severity
from pipelines.doctor.look import Look
from warehouse.control import utcnow
from warehouse.locks import holder

_MEGABYTE = 1024 * 1024
_TOLERATED = timedelta(minutes=5)
# lock -> what holding it means, and how many times lock_timeout_seconds its holder may be silent; see warehouse.connection
_LOCKS = {
    "lock": ("the working warehouse is being written", 1),
    "build.lock": ("a load is being built", 10),
    "link.lock": ("the link is being moved", 1),
    "backup.lock": ("a backup is being taken", 1),
    "writeback.lock": ("the sources are being written to", 10),  # it may wait for a vendor
}


def disk(look: Look) -> Iterator[Finding]:
    """The next load copies the published file and may rewrite the working warehouse: so much must be free, twice is safe."""
    settings = look.hub.config.warehouse
    needs = [
        (settings.path.parent, _size(settings.path) + _size(Path(f"{settings.path}.wal"))),
        (settings.golden.parent, _size(settings.golden)),
    ]
    per_disk: dict[int, tuple[Path, int]] = {}
    for folder, need in needs:
        place = next(parent for parent in (folder, *folder.parents) if parent.exists())
        device = place.stat().st_dev
        first, before = per_disk.get(device, (place, 0))
        per_disk[device] = first, before + need
    for place, need in per_disk.values():
        free = shutil.disk_usage(place).free
        what = f"{free // _MEGABYTE:,} MB free, the next load may need {need // _MEGABYTE:,} MB"
        severity: Severity = "error" if free < need else "warning" if free < 2 * need else "ok"
        remedy = None if severity == "ok" else "free disk space there, or keep fewer loads: warehouse.keep_loads in hub.yaml"
        yield Finding("disk_space", severity, what, str(place), remedy)


def clock(look: Look) -> Iterator[Finding]:
    """Whether the newest load and syncs are of the past: a clock that was put back, or was ahead, leaves some of the future."""
    if look.control is None:
        return
    ahead = look.control.moment() - utcnow()
    if ahead < _TOLERATED:
        yield Finding("clock", "ok", "nothing was noted in the future", "control store")
        return
    hours, minutes = (round(ahead / timedelta(**{unit: 1})) for unit in ("hours", "minutes"))
    far = f"{hours} hours" if hours > 1 else f"{minutes} minutes"
    what = f"the newest sync or load is {far} ahead of this machine's clock"
    remedy = "see that its time is kept (timedatectl); what follows is noted in its order, right after that"
    yield Finding("clock", "warning", what, "control store", remedy)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def locks(look: Look) -> Iterator[Finding]:
    """Who holds the locks, and whether that process gets on."""
    settings = look.hub.config.warehouse
    held = False
    for suffix, (meaning, patience) in _LOCKS.items():
        by = holder(settings.path, suffix)
        if by is None:
            continue
        held, place = True, f"{settings.path}.{suffix}"
        if by.dead:
            what = f"{by.name} is dead, but a process that it started still holds the lock"
            yield Finding("lock", "error", what, place, f"fuser {place}; end the process it names, then hub sync")
        elif by.silent > patience * settings.lock_timeout_seconds:
            what = f"{meaning} by {by.name}, which got no further for {by.silent:.0f} s"
            yield Finding("lock", "warning", what, place, "wait for it, or end that process if it hangs; then hub sync")
        else:
            yield Finding("lock", "ok", f"{meaning} by {by.name}", place)
    if not held:
        yield Finding("lock", "ok", "nobody holds a lock", str(settings.path.parent))
