"""What a staging table is: its columns, the type each is read as, and its key. Which tables there are is in columns.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "party",
    "order",
    "order_line",
    "invoice",
    "payment",
    "refund",
    "ticket",
    "lead",
    "ad_campaign",
    "ad_group",
    "ad",
    "ad_spend",
    "consent",
]
ColumnType = Literal["text", "amount", "spend", "currency", "time", "date", "integer", "number", "boolean"]

SQL_TYPE: dict[ColumnType, str] = {
    "text": "VARCHAR",
    "amount": "DECIMAL(18,4)",  # major units; four digits hold every ISO 4217 currency
    "spend": "DECIMAL(20,6)",  # ad platforms bill in millionths
    "currency": "VARCHAR",
    "time": "TIMESTAMP",  # UTC
    "date": "DATE",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
}


@dataclass(frozen=True)
class Column:
    """One canonical column.

    Attributes:
        name: its name in the mapping and in the staging table.
        type: how its text is read.
        required: for facts: a row in which it is missing is quarantined. Unreadable money and currency quarantine the row always,
            an unreadable time or date only where it is required.
        description: what analysts read in the data dictionary.
        personal: of facts: it may tell who somebody is, so that nothing of it stays of whom the hub erases.
    """

    name: str
    type: ColumnType = "text"
    required: bool = False
    description: str = ""
    personal: bool = False


@dataclass(frozen=True)
class StagingTable:
    """A staging table: its key column and the columns a mapping may yield for it.

    Attributes:
        part: where one source record may be several rows (the lines of an order): the column that tells them apart. Where a
            mapping yields it, the key is ``source:stream:id:part``.
    """

    name: str
    kind: Kind
    key: str
    columns: tuple[Column, ...]
    part: str | None = None

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((c for c in self.columns if c.name == name), None)
