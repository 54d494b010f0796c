"""Peak memory of this process, and of all that it starts."""

from __future__ import annotations

import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EVERY_SECONDS = 0.2


def peak_gb() -> float:
    """Greatest resident set so far, in GB (10^9 bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


@contextmanager
def family_peak_gb() -> Iterator[list[float]]:
    """Within, watches this process and its descendants; the list's one number is the greatest sum of their resident sets, in GB.

    Pages that they share count once for each. Needs /proc.
    """
    peak, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY_SECONDS):
            peak[0] = max(peak[0], sum(_resident(pid) for pid in _family()) / 1e9)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def _family() -> list[int]:
    """This process and its descendants."""
    family, unseen = [], [os.getpid()]
    while unseen:
        pid = unseen.pop()
        family.append(pid)
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                unseen += [int(child) for child in task.read_text().split()]
            except OSError:
                continue  # it has ended
    return family


def _resident(pid: int) -> int:
    """Bytes of a process's resident set; none if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0
