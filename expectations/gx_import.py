"""The first import of Great Expectations: without what a gate has no use for, which is most of what it costs.

Where PySpark is there, Great Expectations imports it with its Connect client; and that ends the process, without an error, where
the main module has no file (``python -c``, processes forked by a server, workers of test runners): it takes such a one for a run of
doctests. SciPy's statistics are for a few expectations on distributions, and a quarter of the cost: they are executed once somebody
asks for something in them, by the means of the standard library for it (`importlib.util.LazyLoader`). Altair draws the charts of
one expectation's report, which nobody sees here, and is a tenth of the cost.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


def import_gx() -> None:
    """Imports Great Expectations if nobody has yet; it then takes PySpark for not installed."""
    if "great_expectations" in sys.modules:
        return
    _import_once_used("scipy", "stats")
    with _hidden("pyspark"), _put_off("altair"):
        import great_expectations  # noqa: F401


def _import_once_used(package: str, part: str) -> None:
    """Have a part of a package there that is executed once one of its attributes is asked for."""
    name = f"{package}.{part}"
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is None or spec.loader is None:  # somebody has imported it, or it is not installed
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    setattr(sys.modules[package], part, module)


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """Have a package count as not installed for a while."""
    modules = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == package}
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]
        sys.modules.update(modules)


@contextmanager
def _put_off(package: str) -> Iterator[None]:
    """Have whoever imports a package meanwhile get it once they ask for one of its attributes.

    `importlib.util.LazyLoader` cannot do that for a package: the import statement itself asks for an attribute.
    """
    if package in sys.modules:
        yield
        return
    stand_in = ModuleType(package)
    stand_in.__dict__["__getattr__"] = lambda name: getattr(importlib.import_module(package), name)
    sys.modules[package] = stand_in
    try:
        yield
    finally:
        del sys.modules[package]
