"""The SQL texts that lie beside this package's modules, and the same texts over other relations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def sql(name: str) -> str:
    """The text of ``<name>.sql`` beside this module."""
    return files("hub.golden").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def over(text: str, relations: Mapping[str, str]) -> str:
    """A text that reads other relations: each name of the mapping is exchanged for what it leads to.

    So one text serves the build of everything and that of what a day touched. Names stand whole: ``golden.customer`` is not found
    in ``golden.customer_order``.
    """
    if not relations:
        return text
    names = "|".join(re.escape(name) for name in relations)
    return re.sub(rf"(?<![\w.])({names})(?![\w.])", lambda found: relations[found[1]], text)
