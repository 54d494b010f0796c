"""The data dictionary as comments on tables and columns, for the published file and every further target."""

from __future__ import annotations

from hub.golden.dictionary import table_docs
from warehouse.describing import Meaning


def meanings() -> dict[str, Meaning]:
    """What published tables, views and columns mean, for the comments in every target."""
    return {
        name if "." in name else f"golden.{name}": Meaning(
            doc.description, {column.name: column.description for column in doc.columns}
        )
        for name, doc in table_docs().items()
    }
