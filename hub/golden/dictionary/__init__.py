"""What every published table and column means: the one text behind the data dictionary and the comments in every target.

One file a table, ``<table>.csv`` for a golden one and ``<schema>.<table>.csv`` for one of another schema: its first line, of the
column ``*``, describes the table, and each further line one column. Nothing here looks at data.
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
    schema: str = "golden"

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@cache
def table_docs() -> dict[str, TableDoc]:
    """The tables and views that are described: golden ones by name, such as customer, others with their schema, as ops.sync_run."""
    found = {}
    for file in sorted((f for f in files(__name__).iterdir() if f.name.endswith(".csv")), key=lambda f: f.name):
        head, *lines = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
        columns = tuple(ColumnDoc(line["column"], line["sensitivity"], line["description"]) for line in lines)  # type: ignore[arg-type]
        key = file.name.removesuffix(".csv")
        schema, _, name = key.rpartition(".")
        found[key] = TableDoc(name, head["description"], columns, schema or "golden")
    return found
