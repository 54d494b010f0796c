"""What all tests share: the vendors' official API descriptions, which lie outside the project.

HUB_API_SPECS names their folder. Where it is not set, the tests that need them are left out of the run, and the closing line
says how many; where it is set, each of them runs or says which file is missing.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def specs() -> Path:
    """The folder of official API descriptions."""
    return Path(os.environ["HUB_API_SPECS"])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    folder = os.environ.get("HUB_API_SPECS")
    if folder and Path(folder).is_dir():
        return
    needy = [item for item in items if "specs" in getattr(item, "fixturenames", ())]
    if needy:
        config.hook.pytest_deselected(items=needy)
        items[:] = [item for item in items if item not in set(needy)]
