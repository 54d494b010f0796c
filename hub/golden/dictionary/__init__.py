"""What every golden table and column means: the one text behind the data dictionary and the comments in every target.

One file a table, ``<table>.csv``: its first line, of the column ``*``, describes the table, and each further line one
column. Nothing here looks at data.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

# how far a value may travel: public; internal to the company; about a person; about a person and in need of special care
Sensitivity = Literal["public", "internal", "personal", "sensitive"]


@dataclass(frozen=True)
class ColumnDoc:
    """A column's meaning, with its unit where it has one, and how sensitive its values are."""

    name: str
    sensitivity: Sensitivity
    description: str


@dataclass(frozen=True)
class TableDoc:
    """A table's or view's meaning, and its columns in order."""

    name: str
    description: str
    columns: tuple[ColumnDoc, ...]


@cache
def table_docs() -> dict[str, TableDoc]:
    """The golden tables and views that are described, by name."""
    found = {}
    for file in sorted((f for f in files(__name__).iterdir() if f.name.endswith(".csv")), key=lambda f: f.name):
        head, *lines = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
        columns = tuple(ColumnDoc(line["column"], line["sensitivity"], line["description"]) for line in lines)  # type: ignore[arg-type]
        name = file.name.removesuffix(".csv")
        found[name] = TableDoc(name, head["description"], columns)
    return found
