"""The first import of Great Expectations, kept away from Spark, which the gate has no use for.

Where PySpark is there, Great Expectations imports it with its Connect client; and that ends the process, without an error, where
the main module has no file (``python -c``, processes forked by a server, workers of test runners): it takes such a one for a run of
doctests.
"""

from __future__ import annotations

import sys


def import_gx() -> None:
    """Imports Great Expectations if nobody has yet; it then takes PySpark for not installed."""
    if "great_expectations" in sys.modules:
        return
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "pyspark"}
    sys.modules["pyspark"] = None  # type: ignore[assignment]
    try:
        import great_expectations  # noqa: F401
    finally:
        del sys.modules["pyspark"]
        sys.modules.update(hidden)
