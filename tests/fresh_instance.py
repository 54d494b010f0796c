"""A hub's Dagster instance begins with empty databases, which Alembic makes; in a test they are copies of the first ones.

Alembic takes more than half a second of processor time for them, and most tests begin with an instance of their own. The copies are
of what it made once, in this process.
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from pipelines import instance

FILES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
_open = instance._opened
_made: dict[str, bytes] = {}


def _opened(home: Path) -> dg.DagsterInstance:
    if "pipelines.storage" not in (home / "dagster.yaml").read_text() or any((home / name).exists() for name in FILES):
        return _open(home)
    if not _made:
        _open(home).dispose()
        _made.update({name: (home / name).read_bytes() for name in FILES})
    for name, content in _made.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content)
    return _open(home)


def install() -> None:
    """Have the instances of this process begin so from now on."""
    instance._opened = _opened
