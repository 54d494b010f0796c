"""What all tests share: the vendors' official API descriptions, which lie outside the project.

HUB_API_SPECS names their folder. Where it is not set, the tests that need them are left out of the run, and the header says so;
where it is set, each of them runs.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def specs() -> Path:
    """The folder of official API descriptions."""
    return Path(os.environ["HUB_API_SPECS"])


def _folder() -> str | None:
    folder = os.environ.get("HUB_API_SPECS")
    return folder if folder and Path(folder).is_dir() else None


def pytest_report_header() -> str:
    return f"official API descriptions: {_folder() or 'HUB_API_SPECS names no folder; the tests that need it are left out'}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _folder():
        return
    needy = [item for item in items if "specs" in getattr(item, "fixturenames", ())]
    if needy:
        config.hook.pytest_deselected(items=needy)
        items[:] = [item for item in items if item not in set(needy)]
