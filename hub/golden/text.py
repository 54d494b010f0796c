"""The SQL texts that lie beside this package's modules."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def sql(name: str) -> str:
    """The text of ``<name>.sql`` beside this module."""
    return files("hub.golden").joinpath(f"{name}.sql").read_text()
