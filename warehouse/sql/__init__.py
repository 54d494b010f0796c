"""The warehouse's SQL: schemas and statements longer than a line, read by name.

Only `.sql` files and the function that reads them belong here.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of ``<name>.sql`` in this folder."""
    return files(__name__).joinpath(f"{name}.sql").read_text()
