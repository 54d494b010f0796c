"""Checks for what processes that were killed left behind: files half written, which nobody will go on with."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

from pipelines.doctor.finding import Finding
from pipelines.doctor.look import Look
from warehouse.locks import holder


def leftovers(look: Look) -> Iterator[Finding]:
    """Temporary files; those of a step that is at work now are its own."""
    settings = look.hub.config.warehouse
    beside = settings.path.parent
    # where, which, the locks under which such files are written
    written = (
        (settings.published, ".golden-*", ("lock", "link.lock")),
        (settings.shared_loads, ".golden-*", ("lock", "link.lock")),
        (settings.golden.parent, f".{settings.golden.name}.*.tmp", ("lock", "link.lock")),
        (beside, ".backup", ("backup.lock",)),
        (beside, ".restore-*", ("lock", "build.lock")),
        (beside, f"{settings.path.name}.tmp", ("lock",)),
        (settings.landing, "*/*/.committed.*.tmp", ("lock",)),
    )
    left = [
        path
        for folder, pattern, locks in written
        if not any(holder(settings.path, lock) for lock in locks)
        for path in folder.glob(pattern)
    ]
    left += [path for path in settings.landing.glob("*/*/.part-*.tmp") if not _is_read(path.parent.parent)]
    for path in sorted(left):
        yield Finding("leftover", "warning", "was left half written by a process that is gone", str(path), f"rm -r {path}")
    if not left:
        yield Finding("leftover", "ok", "no half-written files", str(beside))


def _is_read(source: Path) -> bool:
    """Whether somebody reads a source at this moment; see `connectors.reading_lock`."""
    try:
        with open(source / "reading.lock") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
