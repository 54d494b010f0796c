"""Hubs that many tests begin with: each is built once a run, whichever worker needs it first, and read or copied by all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """The folder that `build` fills, the same for every worker of this run; nobody writes into it any more.

    Args:
        name: what tells it from the others; a builder has one of its own.
        build: fills the folder it is given. If it fails, so does each test that asks, and the next one builds anew.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each worker has a folder of its own in that of the run
    root, done = base / f"shared-{name}", base / f"shared-{name}.done"
    with open(base / f"shared-{name}.lock", "a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            build(root)
            done.touch()
    return root


def copy_of(hub: Path, to: Path) -> None:
    """Copy a hub's data and sources; its Dagster instance, which holds its path, stays behind."""
    shutil.copytree(hub, to, symlinks=True, dirs_exist_ok=True, ignore=lambda folder, _: ["var"] if Path(folder) == hub else [])
