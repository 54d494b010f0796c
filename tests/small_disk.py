"""A disk of some megabytes, a real one, that a test fills up: where this machine lets us mount it, else the test is skipped."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A disk of its own, and what fills it."""

    def __init__(self, root: Path) -> None:
        self.root, self._filler = root, root / "filler"

    def fill(self) -> None:
        """Leave no room."""
        there = os.statvfs(self.root)
        with open(self._filler, "wb") as sink:
            os.posix_fallocate(sink.fileno(), 0, there.f_bavail * there.f_bsize)

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink()


@contextmanager
def small_disk(root: Path, megabytes: int) -> Iterator[Disk]:
    """Mount one at a folder that is made for it."""
    root.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here ({done.stderr.strip()})")
    try:
        yield Disk(root)
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)
