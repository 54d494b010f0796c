"""What all tests share: the way to things that lie outside the project, and what becomes of tests that need what is not there.

A test that needs such a thing takes the fixture of its name, and an environment variable says where it is. Where that is not set,
those tests are left out of the run, and the header says so; where it is set, each of them runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import fresh_instance, one_thread

one_thread.install()
fresh_instance.install()

# PySpark, which Great Expectations imports where it is there, takes a main module without spec or file for a run of doctests
# and ends the process; a worker of xdist has such a one
if sys.modules["__main__"].__spec__ is None and not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__spec__ = ModuleSpec("__main__", None)


class Outside(NamedTuple):
    """Something outside: what it is, and the environment variable that says where."""

    what: str
    variable: str
    folder: bool = False

    def place(self) -> str | None:
        """Where it is, None if nobody says so."""
        said = os.environ.get(self.variable)
        return said if said and (not self.folder or Path(said).is_dir()) else None


# fixture -> what it gives
OUTSIDE = {
    "specs": Outside("official API descriptions", "HUB_API_SPECS", folder=True),
    "localstripe": Outside("localstripe", "HUB_LOCALSTRIPE_URL"),
    "vendure": Outside("Vendure", "HUB_VENDURE_URL"),
}


@pytest.fixture(scope="session")
def specs() -> Path:
    """The folder of official API descriptions."""
    return Path(os.environ["HUB_API_SPECS"])


@pytest.fixture(scope="session")
def localstripe() -> str:
    """The base URL of a running localstripe."""
    return os.environ["HUB_LOCALSTRIPE_URL"].rstrip("/")


@pytest.fixture(scope="session")
def vendure() -> str:
    """The address of the Admin API of a running Vendure."""
    return os.environ["HUB_VENDURE_URL"].rstrip("/")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Fixtures too are made with the threads that their test asks for."""
    if item.get_closest_marker("all_cores") is None:
        return (yield)
    with one_thread.all_cores():
        return (yield)


def pytest_report_header() -> list[str]:
    return [
        f"{it.what}: {it.place() or f'{it.variable} names none; the tests that need it are left out'}" for it in OUTSIDE.values()
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = {fixture for fixture, it in OUTSIDE.items() if it.place() is None}
    needy = [item for item in items if not missing.isdisjoint(getattr(item, "fixturenames", ()))]
    if needy:
        config.hook.pytest_deselected(items=needy)
        left_out = set(needy)
        items[:] = [item for item in items if item not in left_out]
    # what takes long begins first, so that no core waits for it at the end
    items.sort(key=lambda item: not any(name in item.nodeid for name in ("test_killed", "test_production")))
